import { IncubateError } from '../util/errors.ts';
import { type Graph, isReduced, type Value } from './graph.ts';
import { blockwise, fromBlocks, toBlocks } from './lowerings/blocks.ts';
import { channelPasses } from './lowerings/channel-passes.ts';
import { cast } from './lowerings/lowering.ts';
import { lowerings } from './lowerings/table.ts';
import { widened, widens } from './lowerings/widened.ts';
import { type LoweringContext, OnnxBuilder } from './onnx-builder.ts';
import { elementTypes, encodeModel, type OnnxModel, valueInfo } from './onnx-format.ts';
import type { Program } from './program.ts';
import { type Provider, providers } from './providers.ts';

/** Prefix of the model's outputs; its inputs have the names of state and feeds. */
export const STATE_PREFIX = 'state:';
export const OUTPUT_PREFIX = 'output:';
export const FEED_PREFIX = 'feed:';

/** The name of the output that is a state tensor's next value. */
export const nextState = (name: string): string => `next ${STATE_PREFIX}${name}`;

export interface LoweringOptions {
  readonly provider?: Provider;
  /** Channels in a block of images; see {@link LoweringContext.block}. */
  readonly block?: number;
  /** Constants of more bytes stay beside the model. */
  readonly inlineBytes?: number;
  /** Largest model without the constants beside it, and largest constant; protobuf's limit for one message where absent. */
  readonly modelBytes?: number;
}

/**
 * A graph as an ONNX model: inputs are state and feeds, outputs new state and results.
 *
 * @throws ENGINE_KERNEL for a kernel without a lowering, ENGINE_GRAPH where the model is too large.
 */
export function lowerToOnnx(graph: Graph, program: Program, options: LoweringOptions = {}): OnnxModel {
  const { provider = providers.cpu, block = 1, inlineBytes, modelBytes = 2 ** 31 - 1 } = options;
  const onnx = new OnnxBuilder();
  const names = new Map<number, string>();
  const blockNames = new Map<number, string>();
  const constant = (value: Value) => graph.constants.get(value.id);
  const element = (value: Value) => {
    const known = constant(value);
    return known?.kind === 'splat' ? known.element : undefined;
  };
  const full = (value: Value): string => {
    const known = names.get(value.id);
    if (known !== undefined) return known;
    const blocked = blockNames.get(value.id);
    if (blocked !== undefined) {
      const image = plainImage(context, value, blocked);
      names.set(value.id, image);
      return image;
    }
    const found = constant(value);
    if (!found) throw new RangeError(`value ${value.id} of ${graph.name} is used before it is computed`);
    if (found.kind === 'dense' && found.data.byteLength > modelBytes) {
      throw new IncubateError(
        'ENGINE_GRAPH',
        `${graph.name} has a constant ${value.dtype} [${value.shape}] of ${found.data.byteLength} bytes; ONNX Runtime's end at ${modelBytes}`,
        { hint: 'Pass it as state or feed, or in parts.' },
      );
    }
    const name =
      found.kind === 'dense'
        ? onnx.initializer(value.dtype, value.shape, found.data)
        : value.shape.length === 0
          ? onnx.scalar(found.element, value.dtype)
          : filled(found.element, value);
    names.set(value.id, name);
    return name;
  };
  /** Expand knows no types of 16 bits everywhere. */
  const filled = (number: number, { dtype, shape }: Value): string => {
    const type = isReduced(dtype) ? 'float32' : dtype;
    const name = onnx.op('Expand', [onnx.scalar(number, type), onnx.int64(shape)]);
    return type === dtype ? name : cast(context, name, dtype);
  };
  const loose = (value: Value) => {
    const uniform = element(value);
    return uniform === undefined ? full(value) : onnx.scalar(uniform, value.dtype);
  };
  const blocks = (value: Value): string => {
    const name = blockNames.get(value.id) ?? toBlocks(context, full(value));
    blockNames.set(value.id, name);
    return name;
  };
  const inBlocks = (value: Value) => blockNames.has(value.id);
  const context: LoweringContext = { onnx, provider, full, loose, element, block, blocks, inBlocks };

  const inputs = [];
  for (const [prefix, values, specs] of [
    [STATE_PREFIX, graph.state, program.state],
    [FEED_PREFIX, graph.feeds, program.feeds],
  ] as const) {
    for (const [name, value] of values) {
      const { dtype } = specs[name] ?? value;
      inputs.push(valueInfo(prefix + name, dtype, value.shape));
      // tfjs knows no uint8: images arrive as bytes and are widened where they are used.
      const wide = () => onnx.op('Cast', [prefix + name], { to: elementTypes.int32 });
      names.set(value.id, dtype === 'uint8' ? wide() : prefix + name);
    }
  }
  for (const node of graph.nodes) {
    const lowering = lowerings[node.kernel] ?? channelPasses[node.kernel];
    if (!lowering)
      throw new IncubateError(
        'ENGINE_KERNEL',
        `${graph.name} uses ${node.kernel}, which the engine ${provider.name} cannot run`,
      );
    const lowered = widens(provider, node)
      ? widened(context, node, lowering)
      : (blockwise(context, node, lowering) ?? lowering(context, node));
    for (const [index, value] of node.outputs.entries()) {
      const result = lowered[index] as (typeof lowered)[number];
      if (typeof result === 'string') names.set(value.id, result);
      else blockNames.set(value.id, result.blocks);
    }
  }
  const outputs = [];
  for (const [prefix, results] of [
    [STATE_PREFIX, graph.nextState],
    [OUTPUT_PREFIX, graph.outputs],
  ] as const) {
    for (const [name, value] of results) {
      const output = `next ${prefix}${name}`;
      // Host tensors know no booleans.
      if (value.dtype === 'bool') onnx.op('Cast', [full(value)], { to: elementTypes.uint8 }, output);
      else onnx.output(full(value), output);
      outputs.push(valueInfo(output, value.dtype === 'bool' ? 'uint8' : value.dtype, value.shape));
    }
  }
  const model = encodeModel(
    { name: graph.name, node: onnx.nodes, initializer: onnx.initializers, input: inputs, output: outputs },
    inlineBytes,
  );
  if (model.bytes.length <= modelBytes) return model;
  throw new IncubateError(
    'ENGINE_GRAPH',
    `the graph of ${graph.name} takes ${model.bytes.length} bytes; ONNX models end at ${modelBytes}`,
    { hint: 'It has too many operations: divide the model into more modules, so that each is smaller.' },
  );
}

/** An image in blocks as [B, H, W, C]; reordering knows floating-point numbers only. */
function plainImage(context: LoweringContext, value: Value, blocks: string): string {
  if (value.dtype === 'float32') return fromBlocks(context, blocks, value);
  return cast(context, fromBlocks(context, cast(context, blocks, 'float32'), value), value.dtype);
}
