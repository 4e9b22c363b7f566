import type { Node, Value } from '../graph.ts';
import { type Geometry, padsOf } from '../kernels/geometry.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { type AttributeValues, NCHWC } from '../onnx-format.ts';
import { blockedShape } from './blocks.ts';
import { channelsFirst } from './image-layout.ts';
import { type InBlocks, inputOf, only } from './lowering.ts';

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

/**
 * The gradient by the filter as one convolution, in which the batch has taken the place of the channels and is what is in
 * blocks. Its images are x with the channels of a pixel beside each other in a row, [C/b, B, H, W·b]; its filter is dy, [D,
 * B, outH, outW], whose columns are b pixels apart; the results of neighbouring columns are those of the channels, and b
 * columns on of the filter's next place.
 */
export function blockedByFilter(context: LoweringContext, node: Node, geometry: Geometry): string {
  const { onnx, block } = context;
  const { outChannels, filterHeight, filterWidth, outHeight, outWidth } = geometry;
  const { name: images, groups, width, rowPads } = batchInBlocks(context, inputOf(node), geometry);
  const gradient = convolution(context, images, errorsAsFilter(context, inputOf(node, 1), geometry), {
    kernel_shape: [outHeight, outWidth],
    dilations: [geometry.strideHeight, geometry.strideWidth * width],
    pads: [rowPads[0], 0, rowPads[1], 0],
  });
  const parts = [groups, outChannels / block, filterHeight, filterWidth, width, block];
  const perm = [2, 3, 0, 4, 1, 5];
  const ordered = onnx.op('Transpose', [onnx.op('Reshape', [gradient, onnx.int64(parts)])], { perm });
  return onnx.op('Reshape', [ordered, onnx.int64(only(node).shape)]);
}

interface Batches {
  readonly name: string;
  /** Groups of channels, and channels in each. */
  readonly groups: number;
  readonly width: number;
  /** Rows of zeros that are seen above and below. */
  readonly rowPads: readonly [number, number];
}

/** Images [B, H, W, C] as [groups, B/b, H, W · width, b]; columns that are seen beside them are there, rows are not. */
function batchInBlocks(context: LoweringContext, image: Value, geometry: Geometry): Batches {
  const { onnx, block } = context;
  const { batchSize, inChannels, inHeight, inWidth, padInfo } = geometry;
  const isBlocked = context.inBlocks(image);
  const groups = isBlocked ? inChannels / block : 1;
  const width = inChannels / groups;
  const rows = (geometry.outHeight - 1) * geometry.strideHeight + geometry.effectiveFilterHeight;
  const columns = (geometry.outWidth - 1) * geometry.strideWidth + geometry.effectiveFilterWidth;
  const below = rows - padInfo.top - inHeight;
  const batch = Math.ceil(batchSize / block) * block;
  // Negative ones cut off what no filter sees.
  const pads = [0, 0, 0, padInfo.left, 0];
  const ends = [batch - batchSize, 0, Math.min(0, below), columns - padInfo.left - inWidth, 0];
  const name = isBlocked ? context.blocks(image) : context.full(image);
  const memory = onnx.op('Reshape', [name, onnx.int64([batchSize, groups, inHeight, inWidth, width])]);
  const isFramed = [...pads, ...ends].some((pad) => pad !== 0);
  const framed = isFramed ? onnx.op('Pad', [memory, onnx.int64([...pads, ...ends])]) : memory;
  const height = inHeight + Math.min(0, below);
  const batches = onnx.op('Reshape', [framed, onnx.int64([batch / block, block, groups * height * columns * width])]);
  const inward = onnx.op('Transpose', [batches], { perm: [0, 2, 1] });
  const parts = onnx.op('Reshape', [inward, onnx.int64([batch / block, groups, height * columns * width * block])]);
  const ordered = groups === 1 ? inward : onnx.op('Transpose', [parts], { perm: [1, 0, 2] });
  const shape = [groups, batch, height, columns * width];
  const result = onnx.op('Reshape', [ordered, onnx.int64(shape)]);
  return { name: result, groups, width, rowPads: [padInfo.top, Math.max(0, below)] };
}

/** dy [B, outH, outW, D] as a filter from B to D channels: [D/b, B/b, outH, outW, b of B, b of D]. */
function errorsAsFilter(context: LoweringContext, image: Value, geometry: Geometry): string {
  const { onnx, block } = context;
  const { batchSize, outChannels, outHeight, outWidth } = geometry;
  const name = context.blocks(image);
  const batch = Math.ceil(batchSize / block) * block;
  const groups = outChannels / block;
  const pixels = outHeight * outWidth;
  const memory = onnx.op('Reshape', [name, onnx.int64([batchSize, groups, pixels, block])]);
  const pads = [0, 0, 0, 0, batch - batchSize, 0, 0, 0];
  const whole = batch === batchSize ? memory : onnx.op('Pad', [memory, onnx.int64(pads)]);
  const parts = onnx.op('Reshape', [whole, onnx.int64([batch / block, block, groups, pixels, block])]);
  const ordered = onnx.op('Transpose', [parts], { perm: [2, 0, 3, 1, 4] });
  return onnx.op('Reshape', [ordered, onnx.int64([outChannels, batch, outHeight, outWidth])]);
}
