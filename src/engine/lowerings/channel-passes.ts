import type { Node, Value } from '../graph.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { NCHWC } from '../onnx-format.ts';
import {
  type AffineAttributes,
  CHANNEL_AFFINE,
  CHANNEL_PRODUCTS,
  CONVOLUTION_AFFINE,
  RELU_GRAD,
} from '../rewrites/channel-passes.ts';
import { type After, convolution, unitFilter } from './blocked-convolution.ts';
import { blockedShape, fitsBlocks } from './blocks.ts';
import { convolutions, inBlocks } from './convolution.ts';
import { type InBlocks, inputOf, type Lowering, type Lowerings } from './lowering.ts';

/** What `rewrites/channel-passes.ts` makes; on images in blocks one operator each. */
export const channelPasses: Lowerings = {
  [CHANNEL_AFFINE](context, node) {
    const x = inputOf(node);
    const { factor, ...after } = operandsOf(node, 1);
    const isBlocked = context.inBlocks(x) || (after.sum !== undefined && context.inBlocks(after.sum));
    if (isBlocked && fitsBlocks(context, x)) return [blockedAffine(context, x, factor, after)];
    const { onnx, full, loose } = context;
    return [finished(context, factor ? onnx.op('Mul', [full(x), loose(factor)]) : full(x), after)];
  },
  [CONVOLUTION_AFFINE](context, node) {
    const { kernel, attributes } = (node.attributes as AffineAttributes).convolution as Node;
    const plain = { kernel, attributes, inputs: node.inputs.slice(0, 2), outputs: node.outputs };
    const after = operandsOf(node, 2);
    const blocked = inBlocks(context, plain, after);
    if (blocked) return [blocked];
    const lowering = convolutions[kernel] as Lowering;
    return [finished(context, lowering(context, plain)[0] as string, after)];
  },
  [CHANNEL_PRODUCTS](context, node) {
    const { onnx, full } = context;
    const [a, b] = [inputOf(node), inputOf(node, 1)];
    const isBlocked = (context.inBlocks(a) || context.inBlocks(b)) && fitsBlocks(context, a);
    const sums = isBlocked
      ? blockedProducts(context, a, b)
      : onnx.op('ReduceSum', [onnx.op('Mul', [full(a), full(b)]), onnx.int64([1, 2])], { keepdims: 0 });
    const total = onnx.op('ReduceSum', [sums, onnx.int64([0])], { keepdims: 0 });
    if (!node.attributes.mean) return [total];
    const [batch, height, width] = a.shape as [number, number, number, number];
    return [onnx.op('Div', [total, onnx.scalar(batch * height * width, 'float32')])];
  },
  [RELU_GRAD](context, node) {
    const { onnx, full } = context;
    const [dy, y] = [inputOf(node), inputOf(node, 1)];
    const isBlocked = (context.inBlocks(dy) || context.inBlocks(y)) && fitsBlocks(context, y);
    const [errors, result] = isBlocked ? [context.blocks(dy), context.blocks(y)] : [full(dy), full(y)];
    // Whatever is above zero, times nearly all there is, is above one: a mask in one pass.
    const mask = onnx.op('HardSigmoid', [result], { alpha: { float: 3e38 }, beta: { float: 0 } });
    const masked = onnx.op('Mul', [errors, mask]);
    return [isBlocked ? { blocks: masked } : masked];
  },
};

/** The operands of a map that follow others, by name. */
function operandsOf(node: Node, before: number): After & { readonly factor: Value | undefined } {
  const { operands, relu } = node.attributes as AffineAttributes;
  const operand = (name: AffineAttributes['operands'][number]) =>
    operands.includes(name) ? node.inputs[before + operands.indexOf(name)] : undefined;
  return { factor: operand('factor'), term: operand('term'), sum: operand('sum'), relu };
}

/** An image that is not in blocks after the rest of a map. */
function finished({ onnx, full, loose }: LoweringContext, image: string, { term, sum, relu }: After): string {
  let name = image;
  if (term) name = onnx.op('Add', [name, loose(term)]);
  if (sum) name = onnx.op('Add', [name, full(sum)]);
  return relu ? onnx.op('Relu', [name]) : name;
}

/** A convolution of each channel with a filter of one pixel. */
function blockedAffine(context: LoweringContext, x: Value, factor: Value | undefined, after: After): InBlocks {
  const { onnx, full, blocks } = context;
  const channels = x.shape[3] as number;
  const filter = factor
    ? onnx.op('Reshape', [full(factor), onnx.int64([channels, 1, 1, 1])])
    : unitFilter(context, channels);
  const attributes = { group: channels, kernel_shape: [1, 1] };
  return { blocks: convolution(context, blocks(x), filter, attributes, after) };
}

/** Sums [B, C] of products over pixels: a convolution of every channel of every image, with the other's pixels as filter. */
function blockedProducts({ onnx, blocks }: LoweringContext, a: Value, b: Value): string {
  const [batch, channels, height, width] = blockedShape(a.shape) as [number, number, number, number];
  const planes = batch * channels;
  const images = onnx.op('Reshape', [blocks(a), onnx.int64([1, planes, height, width])]);
  const filters = onnx.op('Reshape', [blocks(b), onnx.int64([planes, 1, height, width])]);
  const attributes = { group: planes, kernel_shape: [height, width] };
  const sums = onnx.op('Conv', [images, filters], attributes, undefined, NCHWC);
  return onnx.op('Reshape', [sums, onnx.int64([batch, channels])]);
}
