import type { Node, Value } from '../graph.ts';
import type { Geometry } from '../kernels/geometry.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { convolution, unitFilter } from './blocked-convolution.ts';
import { inputOf, only } from './lowering.ts';

/**
 * The gradient of a convolution by its filter as one convolution in which the batch has taken the place of the channels,
 * for a result in blocks and a filter without dilation.
 *
 * It sees x as planes of pixels with their channels beside each other, [1, B, H, W·c], c the channels of a block. Its filter
 * is dy, [D, B, outH, outW], whose columns are c apart, so that neighbouring results are those of neighbouring channels, and
 * c results on are those of the filter's next column. Neither is moved for that where they have one block of channels.
 *
 * ONNX Runtime reads images of few channels as planes, so images are taken in groups of few, whose gradients are added up.
 * It takes a batch in place of channels that is less than a block or fills blocks; images of zeros fill it up.
 */
export function blockedByFilter(context: LoweringContext, node: Node, geometry: Geometry): string {
  const { onnx, block } = context;
  const { batchSize, outChannels, filterHeight, filterWidth, outHeight, outWidth } = geometry;
  const batch = batchSize < block ? batchSize : Math.ceil(batchSize / block) * block;
  const together = divisorBelow(batch, block);
  const groups = batch / together;
  const { name: planes, blocks, width, rowPads } = planesOf(context, inputOf(node), geometry, batch);
  const gradients = convolution(context, planes, errorsAsFilters(context, inputOf(node, 1), groups, together), {
    group: groups,
    kernel_shape: [outHeight, outWidth],
    dilations: [geometry.strideHeight, geometry.strideWidth * width],
    pads: [rowPads[0], 0, rowPads[1], 0],
  });
  const parts = [blocks, groups, outChannels / block, filterHeight, filterWidth, width, block];
  const apart = onnx.op('Reshape', [gradients, onnx.int64(parts)]);
  const sum = onnx.op('ReduceSum', [apart, onnx.int64([1])], { keepdims: 0 });
  const ordered = onnx.op('Transpose', [sum], { perm: [2, 3, 0, 4, 1, 5] });
  return onnx.op('Reshape', [ordered, onnx.int64(only(node).shape)]);
}

/** The largest divisor of a number that is below a limit. */
function divisorBelow(number: number, limit: number): number {
  for (let divisor = Math.min(number, limit - 1); divisor > 1; divisor--) if (number % divisor === 0) return divisor;
  return 1;
}

interface Planes {
  readonly name: string;
  /** Blocks of channels, and channels in each. */
  readonly blocks: number;
  readonly width: number;
  /** Rows of zeros that are seen above and below. */
  readonly rowPads: readonly [number, number];
}

/**
 * Images [B, H, W, C], and as many of zeros as fill `batch`, as [blocks, batch, H, W · width]; columns of zeros that are
 * seen beside them are there, rows are not.
 */
function planesOf(context: LoweringContext, image: Value, geometry: Geometry, batch: number): Planes {
  const { onnx } = context;
  const { batchSize, inChannels, inHeight, inWidth, padInfo } = geometry;
  const isBlocked = context.inBlocks(image);
  const width = isBlocked ? context.block : inChannels;
  const blocks = inChannels / width;
  const rows = (geometry.outHeight - 1) * geometry.strideHeight + geometry.effectiveFilterHeight;
  const columns = (geometry.outWidth - 1) * geometry.strideWidth + geometry.effectiveFilterWidth;
  const below = rows - padInfo.top - inHeight;
  const right = columns - padInfo.left - inWidth;
  const [cut, widens] = [Math.min(0, below), isBlocked && right >= 0 && padInfo.left + right > 0];
  const name = isBlocked ? context.blocks(image) : context.full(image);
  const wide = widens ? withColumns(context, name, inChannels, [padInfo.left, right]) : name;
  const shape = onnx.int64([batchSize, blocks, inHeight, widens ? columns : inWidth, width]);
  const memory = onnx.op('Reshape', [wide, shape]);
  // Negative ones cut off what no filter sees.
  const [before, after] = widens ? [0, 0] : [padInfo.left, right];
  const pads = [0, 0, 0, before, 0, batch - batchSize, 0, cut, after, 0];
  const framed = pads.some((pad) => pad !== 0) ? onnx.op('Pad', [memory, onnx.int64(pads)]) : memory;
  const first = blocks === 1 ? framed : onnx.op('Transpose', [framed], { perm: [1, 0, 2, 3, 4] });
  const height = inHeight + cut;
  const planes = onnx.op('Reshape', [first, onnx.int64([blocks, batch, height, columns * width])]);
  return { name: planes, blocks, width, rowPads: [padInfo.top, Math.max(0, below)] };
}

/** An image in blocks with columns of zeros beside it: faster than Pad, a convolution of each channel shares out its work. */
function withColumns(
  context: LoweringContext,
  image: string,
  channels: number,
  [left, right]: readonly [number, number],
): string {
  const attributes = { group: channels, kernel_shape: [1, 1], pads: [0, left, 0, right] };
  return convolution(context, image, unitFilter(context, channels), attributes);
}

/** dy [B, outH, outW, D] as a filter from the images of a group to D channels, for each group: [groups, D/b, B/groups, …, b]. */
function errorsAsFilters(context: LoweringContext, image: Value, groups: number, together: number): string {
  const { onnx, block } = context;
  const [batch, height, width, channels] = image.shape as [number, number, number, number];
  const missing = groups * together - batch;
  const images = context.blocks(image);
  const name = missing === 0 ? images : onnx.op('Pad', [images, onnx.int64([0, 0, 0, 0, missing, 0, 0, 0])]);
  const blocks = channels / block;
  const parts = onnx.int64([groups, together, blocks, height * width * block]);
  const isOrdered = blocks === 1 || together === 1;
  const ordered = isOrdered ? name : onnx.op('Transpose', [onnx.op('Reshape', [name, parts])], { perm: [0, 2, 1, 3] });
  return onnx.op('Reshape', [ordered, onnx.int64([groups * channels, together, height, width])]);
}
