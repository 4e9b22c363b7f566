import type { Attributes, Value } from '../graph.ts';
import { sameShape } from '../graph.ts';
import { convolutionOf, depthwiseOf, type Geometry } from './geometry.ts';
import { check, type Kernel, type Kernels, sizeOfAll } from './kernel.ts';

type GeometryOf = (image: readonly number[], filter: readonly number[], attributes: Attributes) => Geometry;

/** Two per product of an output element with the filter: its height, width and the input channels that it sees. */
function flopsOf(output: readonly number[], { filterHeight, filterWidth }: Geometry, channels: number): number {
  return 2 * sizeOfAll([{ dtype: 'float32', shape: output }]) * filterHeight * filterWidth * channels;
}

const forward = (geometryOf: GeometryOf, channels: (geometry: Geometry) => number): Kernel => ({
  inputs: ['x', 'filter'],
  infer([x, filter], attributes) {
    return [{ dtype: 'float32', shape: geometryOf((x as Value).shape, (filter as Value).shape, attributes).outShape }];
  },
  flops([x, filter], [output], attributes) {
    const geometry = geometryOf((x as Value).shape, (filter as Value).shape, attributes);
    return flopsOf(output?.shape ?? [], geometry, channels(geometry));
  },
});

/** The gradient by the images, which is the transposed convolution too. */
const byInput = (geometryOf: GeometryOf, channels: (geometry: Geometry) => number): Kernel => ({
  inputs: ['dy', 'filter'],
  infer([dy, filter], attributes) {
    const shape = attributes.inputShape as number[];
    const { outShape } = geometryOf(shape, (filter as Value).shape, attributes);
    check(sameShape(outShape, (dy as Value).shape), `images [${shape}] have results [${outShape}]`);
    return [{ dtype: 'float32', shape }];
  },
  flops([dy, filter], _, attributes) {
    const geometry = geometryOf(attributes.inputShape as number[], (filter as Value).shape, attributes);
    return flopsOf((dy as Value).shape, geometry, channels(geometry));
  },
});

/** The gradient by the filter: for every place of it, what it saw times dy. */
const byFilter: Kernel = {
  inputs: ['x', 'dy'],
  infer([x, dy], attributes) {
    const shape = attributes.filterShape as number[];
    const { outShape } = convolutionOf((x as Value).shape, shape, attributes);
    check(sameShape(outShape, (dy as Value).shape), `a filter [${shape}] has results [${outShape}]`);
    return [{ dtype: 'float32', shape }];
  },
  flops([x, dy], _, attributes) {
    const geometry = convolutionOf((x as Value).shape, attributes.filterShape as number[], attributes);
    return flopsOf((dy as Value).shape, geometry, geometry.inChannels);
  },
};

const all = ({ inChannels }: Geometry) => inChannels;
const one = () => 1;

/** Convolutions and their gradients; `compositions/convolution.ts` has those of depthwise ones by the filter. */
export const convolutions: Kernels = {
  Conv2D: forward(convolutionOf, all),
  Conv2DBackpropInput: byInput(convolutionOf, all),
  Conv2DBackpropFilter: byFilter,
  DepthwiseConv2dNative: forward(depthwiseOf, one),
  DepthwiseConv2dNativeBackpropInput: byInput(depthwiseOf, one),
};
