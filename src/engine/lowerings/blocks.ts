import { type Node, sameShape, type Value } from '../graph.ts';
import { kernels } from '../kernels/table.ts';
import type { LoweringContext } from '../onnx-builder.ts';
import { NCHWC } from '../onnx-format.ts';
import type { InBlocks, Lowering } from './lowering.ts';
import { only } from './lowering.ts';

/*
 * Images in blocks of channels: ONNX Runtime says that they are [B, C, H, W], and in memory they are [B, C/b, H, W, b].
 * Its convolutions compute on them two to three times as fast as on others, and what is applied to every channel is one
 * pass. Elementwise operators need not know.
 */

/** Whether an image can be kept in blocks. */
export function fitsBlocks({ block }: LoweringContext, { dtype, shape }: Pick<Value, 'dtype' | 'shape'>): boolean {
  return block > 1 && dtype === 'float32' && shape.length === 4 && (shape[3] as number) % block === 0;
}

/** An image [B, H, W, C] in blocks. */
export function toBlocks({ onnx }: LoweringContext, name: string): string {
  return onnx.op('ReorderInput', [name], { channels_last: 1 }, undefined, NCHWC);
}

/** An image in blocks as [B, H, W, C]. */
export function fromBlocks({ onnx }: LoweringContext, name: string, { shape }: Pick<Value, 'shape'>): string {
  return onnx.op('ReorderOutput', [name], { channels: shape[3] as number, channels_last: 1 }, undefined, NCHWC);
}

/** The extents of an image in blocks, as ONNX Runtime is told. */
export function blockedShape(shape: readonly number[]): number[] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return [batch, channels, height, width];
}

/** The extents of the memory that an image in blocks [B, H, W, C] has. */
function memoryShape(shape: readonly number[], block: number): number[] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return [batch, channels / block, height, width, block];
}

/**
 * The lowering of an elementwise node on images in blocks, where one of its operands is; undefined where that cannot be.
 * The node that is lowered has the shapes of the memory; operands of one element per channel are reshaped to it.
 */
export function blockwise(context: LoweringContext, node: Node, lowering: Lowering): readonly InBlocks[] | undefined {
  const { block, onnx } = context;
  const output = only(node);
  if (!kernels[node.kernel]?.elementwise || !node.inputs.some(context.inBlocks)) return undefined;
  if (!fitsBlocks(context, { ...output, dtype: 'float32' })) return undefined;
  const isFull = (value: Value) => sameShape(value.shape, output.shape);
  const isUniform = (value: Value) => context.element(value) !== undefined;
  const others = node.inputs.filter((value) => !isFull(value) && !isUniform(value));
  const shapes = new Map(others.map((value) => [value, besideBlocks(value.shape, block)]));
  if ([...shapes.values()].includes(undefined)) return undefined;
  if (
    node.inputs.some(
      (value) => isFull(value) && !isUniform(value) && !context.inBlocks(value) && value.dtype !== 'float32',
    )
  )
    return undefined;

  // Where there are only images, no operand needs the blocks to be seen.
  const shape = others.length === 0 ? blockedShape(output.shape) : memoryShape(output.shape, block);
  const seen = (value: Value): Value => ({ ...value, shape: shapes.get(value) ?? (isUniform(value) ? [] : shape) });
  const originals = new Map(node.inputs.map((value) => [seen(value), value] as const));
  const inputs = [...originals.keys()];
  const name = (value: Value): string => {
    const original = originals.get(value) ?? value;
    if (isUniform(original)) return context.loose(original);
    if (shapes.has(original)) return onnx.op('Reshape', [context.full(original), onnx.int64(value.shape)]);
    const blocks = context.blocks(original);
    return others.length === 0 ? blocks : onnx.op('Reshape', [blocks, onnx.int64(shape)]);
  };
  const inside: LoweringContext = {
    ...context,
    block: 1,
    full: name,
    loose: name,
    element: (value) => context.element(originals.get(value) ?? value),
  };
  const [result] = lowering(inside, { ...node, inputs, outputs: [{ ...output, shape }] }) as [string];
  const back = others.length === 0 ? result : onnx.op('Reshape', [result, onnx.int64(blockedShape(output.shape))]);
  return [{ blocks: back }];
}

/** The shape of an operand that broadcasts against the memory of blocks, where its elements need not move for that. */
function besideBlocks(shape: readonly number[], block: number): number[] | undefined {
  if (shape.length > 4) return undefined;
  const [batch, height, width, channels] = [...Array(4 - shape.length).fill(1), ...shape] as [
    number,
    number,
    number,
    number,
  ];
  if (channels === 1) return [batch, 1, height, width, 1];
  return height === 1 && width === 1 && channels % block === 0 ? [batch, channels / block, 1, 1, block] : undefined;
}
