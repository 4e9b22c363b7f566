import type { Value } from '../graph.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { cast, inputOf, type Lowerings, only } from './lowering.ts';

const coordinates = (context: LoweringContext, value: Value) => cast(context, context.full(value), 'int64');

export const indexing: Lowerings = {
  GatherNd: (context, node) => [
    context.onnx.op('GatherND', [context.full(inputOf(node)), coordinates(context, inputOf(node, 1))]),
  ],
  TensorScatterUpdate: (context, node) => [
    context.onnx.op('ScatterND', [
      context.full(inputOf(node)),
      coordinates(context, inputOf(node, 1)),
      context.full(inputOf(node, 2)),
    ]),
  ],
  TopK(context, node) {
    const { onnx } = context;
    const [values, indices] = [onnx.fresh(), onnx.fresh()];
    const count = onnx.int64([node.attributes.k as number]);
    onnx.ops('TopK', [context.full(inputOf(node)), count], { axis: -1 }, [values, indices]);
    return [values, cast(context, indices, 'int32')];
  },
  NonMaxSuppressionV4(context, node) {
    const { onnx } = context;
    const [boxes, scores] = [inputOf(node), inputOf(node, 1)];
    const { maxOutputSize, iouThreshold, scoreThreshold } = node.attributes as Record<string, number>;
    const operands = [
      onnx.op('Reshape', [context.full(boxes), onnx.int64([1, ...boxes.shape])]),
      onnx.op('Reshape', [context.full(scores), onnx.int64([1, 1, ...scores.shape])]),
      onnx.int64([maxOutputSize as number]),
      // ONNX drops boxes that overlap by more than the threshold, tfjs those that reach it.
      onnx.scalar(below(iouThreshold as number), 'float32'),
      onnx.scalar(scoreThreshold as number, 'float32'),
    ];
    const found = onnx.op('NonMaxSuppression', operands); // [found, 3]: batch, class, box
    const indices = cast(context, onnx.op('Gather', [found, onnx.scalar(2, 'int32')], { axis: 1 }), 'int32');
    const zeros = onnx.initializer('int32', only(node).shape, new Int32Array(maxOutputSize as number));
    const padded = onnx.op('Concat', [indices, zeros], { axis: 0 });
    const count = onnx.op('Squeeze', [onnx.op('Shape', [indices])]);
    return [
      onnx.op('Slice', [padded, onnx.int64([0]), onnx.int64([maxOutputSize as number])]),
      cast(context, count, 'int32'),
    ];
  },
};

/** The next smaller number of single precision, at least 0. */
function below(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  if (value <= 0) return 0;
  bits[0] = (bits[0] as number) - 1;
  return new Float32Array(bits.buffer)[0] as number;
}
