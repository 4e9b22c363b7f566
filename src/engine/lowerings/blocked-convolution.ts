import type { Node, Value } from '../graph.ts';
import { type Geometry, padsOf } from '../kernels/geometry.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { type AttributeValues, NCHWC } from '../onnx-format.ts';
import { blockedShape } from './blocks.ts';
import { channelsFirst } from './image-layout.ts';
import { type InBlocks, inputOf } from './lowering.ts';

/** Whether a convolution gives images in blocks: of images in blocks, or of few channels. */
export function convolvesBlocks({ block }: LoweringContext, geometry: Geometry): boolean {
  const { inChannels } = geometry;
  return givesBlocks(block, geometry) && (inChannels % block === 0 || inChannels < block);
}

/** Whether a convolution's results are images that fit blocks. */
export function givesBlocks(block: number, { outChannels, outShape }: Geometry): boolean {
  return block > 1 && outChannels % block === 0 && outShape.every((extent) => extent > 0);
}

/** What is done to a convolution's result before it is written: relu(x + term + sum), of which each may be left out. */
export interface After {
  /** [D] */
  readonly term: Value | undefined;
  readonly sum: Value | undefined;
  readonly relu: boolean;
}

const nothing: After = { term: undefined, sum: undefined, relu: false };

/** A convolution of ONNX Runtime on images in blocks. */
export function convolution(
  { onnx, full, blocks }: LoweringContext,
  images: string,
  filter: string,
  attributes: AttributeValues,
  { term, sum, relu }: After = nothing,
): string {
  const inputs = [images, filter];
  if (term || sum) inputs.push(term ? full(term) : '');
  if (sum) inputs.push(blocks(sum));
  const activation = relu ? { activation: 'Relu' } : {};
  return onnx.op('Conv', inputs, { group: 1, ...attributes, ...activation }, undefined, NCHWC);
}

/** A filter that leaves every channel as it is. */
export function unitFilter({ onnx }: LoweringContext, channels: number): string {
  return onnx.initializer('float32', [channels, 1, 1, 1], new Float32Array(channels).fill(1));
}

export function blockedForward(context: LoweringContext, node: Node, geometry: Geometry, after?: After): InBlocks {
  const [x, filter] = [inputOf(node), inputOf(node, 1)];
  const { inChannels, strideHeight, strideWidth, dilationHeight, dilationWidth } = geometry;
  const images = inChannels < context.block ? channelsFirst(context, context.full(x)) : context.blocks(x);
  const attributes = {
    pads: padsOf(geometry),
    strides: [strideHeight, strideWidth],
    dilations: [dilationHeight, dilationWidth],
  };
  const ordered = blockedFilter(context, context.full(filter), geometry);
  return { blocks: convolution(context, images, ordered, attributes, after) };
}

/**
 * The gradient by the images: a convolution of dy, spread out by the strides, by the filter turned by half a circle with
 * its channels exchanged. Undefined where that has no padding.
 */
export function blockedByInput(
  context: LoweringContext,
  node: Node,
  geometry: Geometry,
  after?: After,
): InBlocks | undefined {
  const [dy, filter] = [inputOf(node), inputOf(node, 1)];
  const { padInfo, effectiveFilterHeight, effectiveFilterWidth, strideHeight, strideWidth } = geometry;
  const pads = [
    effectiveFilterHeight - 1 - padInfo.top,
    effectiveFilterWidth - 1 - padInfo.left,
    geometry.inHeight - geometry.outHeight * strideHeight + padInfo.top,
    geometry.inWidth - geometry.outWidth * strideWidth + padInfo.left,
  ];
  if (pads.some((pad) => pad < 0)) return undefined;
  const errors = spread(context, dy, strideHeight, strideWidth);
  const turned = turnedFilter(context, context.full(filter), geometry);
  const dilations = [geometry.dilationHeight, geometry.dilationWidth];
  return { blocks: convolution(context, errors, turned, { pads, dilations }, after) };
}

/** [kH, kW, C, D] to ONNX Runtime's order for images in blocks: [D/b, C/b, kH, kW, b of C, b of D], or [D/b, C, kH, kW, b]. */
function blockedFilter({ onnx, block }: LoweringContext, filter: string, geometry: Geometry): string {
  const { inChannels: C, outChannels: D, filterHeight, filterWidth } = geometry;
  const places = filterHeight * filterWidth;
  const isFew = C < block;
  const parts = isFew ? [places, C, D / block, block] : [places, C / block, block, D / block, block];
  const perm = isFew ? [2, 1, 0, 3] : [3, 1, 0, 2, 4];
  const ordered = onnx.op('Transpose', [onnx.op('Reshape', [filter, onnx.int64(parts)])], { perm });
  return onnx.op('Reshape', [ordered, onnx.int64([D, C, filterHeight, filterWidth])]);
}

/** [kH, kW, C, D] turned by half a circle, as a filter from D to C channels. */
function turnedFilter({ onnx, block }: LoweringContext, filter: string, geometry: Geometry): string {
  const { inChannels: C, outChannels: D, filterHeight, filterWidth } = geometry;
  const places = filterHeight * filterWidth;
  const flat = onnx.op('Reshape', [filter, onnx.int64([places, C, D])]);
  const [last, first, axis] = [onnx.int64([-1]), onnx.int64([-(2 ** 31)]), onnx.int64([0])];
  const turned = places === 1 ? flat : onnx.op('Slice', [flat, last, first, axis, last]);
  const exchanged = onnx.op('Transpose', [turned], { perm: [0, 2, 1] });
  const parts = onnx.op('Reshape', [exchanged, onnx.int64([places, D / block, block, C / block, block])]);
  const ordered = onnx.op('Transpose', [parts], { perm: [3, 1, 0, 2, 4] });
  return onnx.op('Reshape', [ordered, onnx.int64([C, D, filterHeight, filterWidth])]);
}

/** An image in blocks with its pixels `rows` and `columns` apart, zeros between them and after the last. */
function spread(context: LoweringContext, image: Value, rows: number, columns: number): string {
  const { onnx, block, blocks } = context;
  const name = blocks(image);
  if (rows === 1 && columns === 1) return name;
  const [batch, channels, height, width] = blockedShape(image.shape) as [number, number, number, number];
  const parts = [(batch * channels) / block, height, 1, width, 1, block];
  const pads = [0, 0, 0, 0, 0, 0, 0, 0, rows - 1, 0, columns - 1, 0];
  const apart = onnx.op('Pad', [onnx.op('Reshape', [name, onnx.int64(parts)]), onnx.int64(pads)]);
  return onnx.op('Reshape', [apart, onnx.int64([batch, channels, height * rows, width * columns])]);
}
