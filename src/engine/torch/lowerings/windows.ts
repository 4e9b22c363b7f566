import { convolutionOf, depthwiseOf, type Geometry, padsOf, poolingOf } from '../../kernels/geometry.ts';
import { inputOf, only, operation, type TorchLowering, type TorchLowerings } from './lowering.ts';

const together = () => 1;
const apart = ({ inChannels }: Geometry) => inChannels;

/** Strides, dilations, groups and padding, in native/torch/windows.cc's order. */
function numbersOf(geometry: Geometry, groups: number): number[] {
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = geometry;
  return [strideHeight, strideWidth, dilationHeight, dilationWidth, groups, ...padsOf(geometry)];
}

const forward = (geometryOf: typeof convolutionOf, groupsOf: (geometry: Geometry) => number): TorchLowering =>
  operation('convolution', (node) => {
    const geometry = geometryOf(inputOf(node).shape, inputOf(node, 1).shape, node.attributes);
    return numbersOf(geometry, groupsOf(geometry));
  });

const byInput = (geometryOf: typeof convolutionOf, groupsOf: (geometry: Geometry) => number): TorchLowering =>
  operation('convolution_by_input', (node) => {
    const { shape } = only(node);
    const geometry = geometryOf(shape, inputOf(node, 1).shape, node.attributes);
    return [...numbersOf(geometry, groupsOf(geometry)), ...shape];
  });

const byFilter: TorchLowering = operation('convolution_by_filter', (node) => {
  const { shape } = only(node);
  const geometry = convolutionOf(inputOf(node).shape, shape, node.attributes);
  return [...numbersOf(geometry, 1), ...shape];
});

const pool = (name: string): TorchLowering =>
  operation(name, (node) => {
    const geometry = poolingOf(inputOf(node).shape, node.attributes);
    const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
    return [filterHeight, filterWidth, strideHeight, strideWidth, ...padsOf(geometry)];
  });

/** Convolutions and pooling. */
export const windows: TorchLowerings = {
  Conv2D: forward(convolutionOf, together),
  Conv2DBackpropFilter: byFilter,
  Conv2DBackpropInput: byInput(convolutionOf, together),
  DepthwiseConv2dNative: forward(depthwiseOf, apart),
  DepthwiseConv2dNativeBackpropInput: byInput(depthwiseOf, apart),
  AvgPool: pool('average_pool'),
  MaxPool: pool('max_pool'),
};
