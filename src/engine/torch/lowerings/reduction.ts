import { axisOf } from '../../kernels/kernel.ts';
import { reducedAxes } from '../../kernels/reduction.ts';
import { typeNumbers } from '../code.ts';
import { inputOf, only, operation, type TorchLowering, type TorchLowerings } from './lowering.ts';

const reduction = (name: string): TorchLowering =>
  operation(name, (node) => [
    node.attributes.keepDims ? 1 : 0,
    typeNumbers[only(node).dtype],
    ...reducedAxes(node.attributes, inputOf(node).shape.length),
  ]);

/** Sums over images but for their channels are a pass of ours. */
const channelSum =
  (isMean: boolean, other: TorchLowering): TorchLowering =>
  (context, node) => {
    const { dtype, shape } = inputOf(node);
    const axes = reducedAxes(node.attributes, shape.length).join();
    const isOurs = dtype === 'float32' && shape.length === 4 && axes === '0,1,2' && !node.attributes.keepDims;
    return isOurs ? operation('channel_sums', () => [isMean ? 1 : 0])(context, node) : other(context, node);
  };

const indexOfExtreme = (name: string): TorchLowering =>
  operation(name, (node) => [axisOf(node.attributes.axis, inputOf(node).shape.length)]);

export const reductions: TorchLowerings = {
  Sum: channelSum(false, reduction('sum')),
  Mean: channelSum(true, reduction('mean')),
  Max: reduction('amax'),
  Min: reduction('amin'),
  Prod: reduction('prod'),
  All: reduction('amin'),
  Any: reduction('amax'),
  ArgMax: indexOfExtreme('argmax'),
  ArgMin: indexOfExtreme('argmin'),
  Cumsum({ code, slot }, node) {
    const { exclusive, reverse } = node.attributes;
    const { shape } = inputOf(node);
    const axis = axisOf(node.attributes.axis, shape.length);
    let x = slot(inputOf(node));
    if (reverse) x = code.op('flip', [x], [axis]);
    if (exclusive) {
      // What comes before every element: the elements moved by one, after a zero.
      const moved = shape.flatMap((_, index) => (index === axis ? [1, -1] : [0, 0]));
      x = code.op('pad', [x], [0, ...moved]);
    }
    x = code.op('cumsum', [x], [axis]);
    return [reverse ? code.op('flip', [x], [axis]) : x];
  },
  Softmax: operation('softmax'),
};
