import type { Node } from '../graph.ts';
import { convolutionOf, depthwiseOf, endPads, type Geometry, padsOf } from '../kernels/geometry.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { type After, blockedByInput, blockedForward, convolvesBlocks } from './blocked-convolution.ts';
import { fitsBlocks } from './blocks.ts';
import { filterGradient } from './filter-gradient.ts';
import { channelsFirst, channelsLast } from './image-layout.ts';
import { type InBlocks, inputOf, type Lowering, type Lowerings, only } from './lowering.ts';

const strides = ({ strideHeight, strideWidth }: Geometry) => [strideHeight, strideWidth];
const dilations = ({ dilationHeight, dilationWidth }: Geometry) => [dilationHeight, dilationWidth];

/** tfjs' filters are [kH, kW, C, D], or [kH, kW, C, multiplier]; ONNX' are [outputs, inputs of a group, kH, kW]. */
function filterOf({ onnx }: LoweringContext, name: string, geometry: Geometry, group: number): string {
  const { filterHeight, filterWidth, outChannels } = geometry;
  const merged =
    group === 1 ? name : onnx.op('Reshape', [name, onnx.int64([filterHeight, filterWidth, 1, outChannels])]);
  return onnx.op('Transpose', [merged], { perm: [3, 2, 0, 1] });
}

const forward =
  (geometryOf: typeof convolutionOf, groupsOf: (geometry: Geometry) => number): Lowering =>
  (context, node) => {
    const [x, filter] = [inputOf(node), inputOf(node, 1)];
    const geometry = geometryOf(x.shape, filter.shape, node.attributes);
    const group = groupsOf(geometry);
    const operands = [
      channelsFirst(context, context.full(x)),
      filterOf(context, context.full(filter), geometry, group),
    ];
    const attributes = { pads: padsOf(geometry), strides: strides(geometry), dilations: dilations(geometry), group };
    return [channelsLast(context, context.onnx.op('Conv', operands, attributes))];
  };

const byInput =
  (geometryOf: typeof convolutionOf, groupsOf: (geometry: Geometry) => number): Lowering =>
  (context, node) => {
    const { onnx } = context;
    const [dy, filter] = [inputOf(node), inputOf(node, 1)];
    const geometry = geometryOf(only(node).shape, filter.shape, node.attributes);
    const group = groupsOf(geometry);
    const errors = channelsFirst(context, context.full(dy));
    const flippedPads = padsOfFlipped(geometry);
    if (flippedPads) {
      // With strides of one, a convolution by the filter turned by half a circle, its channels exchanged: less memory is
      // written than by ConvTranspose, and the work is shared among threads.
      const both = (value: number) => onnx.int64([value, value]);
      const turned = onnx.op('Slice', [context.full(filter), both(-1), both(-(2 ** 31)), onnx.int64([0, 1]), both(-1)]);
      const exchanged = onnx.op('Transpose', [turned], { perm: [2, 3, 0, 1] });
      const attributes = { pads: flippedPads, dilations: dilations(geometry), group };
      return [channelsLast(context, onnx.op('Conv', [errors, exchanged], attributes))];
    }
    const attributes = {
      pads: padsOf(geometry),
      strides: strides(geometry),
      dilations: dilations(geometry),
      // Rows and columns at the end that no position of the filter reached.
      output_padding: endPads(geometry).map((pad) => Math.max(0, -pad)),
      group,
    };
    const transposed = filterOf(context, context.full(filter), geometry, group);
    const multiplier = geometry.outChannels / group;
    if (group === 1 || multiplier === 1 || !context.provider.lacks.has('GroupedConvTranspose'))
      return [channelsLast(context, onnx.op('ConvTranspose', [errors, transposed], attributes))];
    const every = (name: string, from: number, axis: number) =>
      onnx.op('Slice', [name, ...[from, geometry.outChannels, axis, multiplier].map((bound) => onnx.int64([bound]))]);
    const parts = Array.from({ length: multiplier }, (_, from) =>
      onnx.op('ConvTranspose', [every(errors, from, 1), every(transposed, from, 0)], attributes),
    );
    return [
      channelsLast(
        context,
        parts.reduce((sum, part) => onnx.op('Add', [sum, part])),
      ),
    ];
  };

/** The padding of dy with which a convolution gives the gradient by the images, where one does. */
function padsOfFlipped(geometry: Geometry): number[] | undefined {
  const { padInfo, effectiveFilterHeight, effectiveFilterWidth, strideHeight, strideWidth } = geometry;
  const pads = [
    effectiveFilterHeight - 1 - padInfo.top,
    effectiveFilterWidth - 1 - padInfo.left,
    geometry.inHeight - geometry.outHeight + padInfo.top,
    geometry.inWidth - geometry.outWidth + padInfo.left,
  ];
  return strideHeight === 1 && strideWidth === 1 && pads.every((pad) => pad >= 0) ? pads : undefined;
}

/** A convolution, or its gradient by the images, on images in blocks; undefined where these are none. */
export function inBlocks(context: LoweringContext, node: Node, after?: After): InBlocks | undefined {
  const [first, filter] = [inputOf(node), inputOf(node, 1)];
  const byImages = node.kernel === 'Conv2DBackpropInput';
  const geometry = convolutionOf((byImages ? only(node) : first).shape, filter.shape, node.attributes);
  if (!convolvesBlocks(context, geometry)) return undefined;
  if (!byImages) return blockedForward(context, node, geometry, after);
  return fitsBlocks(context, only(node)) ? blockedByInput(context, node, geometry, after) : undefined;
}

/** A lowering for images that are in no blocks. */
const unlessInBlocks =
  (lowering: Lowering): Lowering =>
  (context, node) => {
    const blocked = inBlocks(context, node);
    return blocked ? [blocked] : lowering(context, node);
  };

const together = () => 1;
const apart = ({ inChannels }: Geometry) => inChannels;

export const convolutions: Lowerings = {
  Conv2D: unlessInBlocks(forward(convolutionOf, together)),
  Conv2DBackpropInput: unlessInBlocks(byInput(convolutionOf, together)),
  Conv2DBackpropFilter: filterGradient,
  DepthwiseConv2dNative: forward(depthwiseOf, apart),
  DepthwiseConv2dNativeBackpropInput: byInput(depthwiseOf, apart),
};
