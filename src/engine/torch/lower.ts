import { IncubateError } from '../../util/errors.ts';
import type { Constant, Graph, Node, Value } from '../graph.ts';
import { type TorchCode, TorchCodeBuilder, type TorchConstant, typeNumbers } from './code.ts';
import type { TorchContext } from './lowerings/lowering.ts';
import { torchLowerings } from './lowerings/table.ts';

export interface LowerToTorchOptions {
  /** Names of state tensors whose memory may be written over. */
  readonly donated?: Iterable<string>;
  /** Whether kernels of ours are used where there are any. */
  readonly ownKernels?: boolean;
  /** Whether products of float32 may round their operands on GPUs that are faster so (TF32). */
  readonly roundsProducts?: boolean;
}

/**
 * A graph as instructions for the addon, in the order in which it was traced.
 *
 * @throws ENGINE_KERNEL for a kernel that the addon has no operation for.
 */
export function lowerToTorch(graph: Graph, options: LowerToTorchOptions = {}): TorchCode {
  const { donated = [], ownKernels = true, roundsProducts = false } = options;
  const code = new TorchCodeBuilder();
  const slots = new Map<number, number>();
  const place = (value: Value) => {
    const slot = code.slot();
    slots.set(value.id, slot);
    return [slot, typeNumbers[value.dtype]] as const;
  };
  const states = [...graph.state.values()].map(place);
  const feeds = [...graph.feeds.values()].map(place);
  const constants = [...graph.constants.values()].map((constant) => constantAt(place(constant.value)[0], constant));
  const slot = (value: Value): number => {
    const known = slots.get(value.id);
    if (known === undefined) throw new RangeError(`value ${value.id} of ${graph.name} is used before it is computed`);
    return known;
  };
  const readers = readersIn(graph);
  for (const [index, node] of graph.nodes.entries()) {
    const lowering = torchLowerings[node.kernel];
    if (!lowering)
      throw new IncubateError('ENGINE_KERNEL', `${graph.name} uses ${node.kernel}, which the engine torch cannot run`);
    code.node = index;
    const outputs = lowering({ code, slot, readers, ownKernels }, node);
    for (const [at, value] of node.outputs.entries()) slots.set(value.id, outputs[at] as number);
  }
  const names = [...graph.state.keys()];
  const indexOf = (name: string) => names.indexOf(name);
  return {
    ...code.finish(),
    constants,
    states,
    feeds,
    next: [...graph.nextState].map(([name, value]) => [indexOf(name), slot(value)] as const),
    donated: [...donated].map(indexOf),
    outputs: [...graph.outputs.values()].map(slot),
    roundsProducts,
  };
}

function readersIn({ nodes, nextState, outputs }: Graph): TorchContext['readers'] {
  const consumers = new Map<number, Node[]>();
  for (const node of nodes) {
    for (const { id } of node.inputs) consumers.set(id, [...(consumers.get(id) ?? []), node]);
  }
  const results = new Set([...nextState.values(), ...outputs.values()].map(({ id }) => id));
  return ({ id }) => ({ nodes: consumers.get(id) ?? [], isResult: results.has(id) });
}

function constantAt(slot: number, constant: Constant): TorchConstant {
  const { dtype, shape } = constant.value;
  const common = { slot, type: typeNumbers[dtype], shape };
  if (constant.kind === 'dense') {
    const { data } = constant;
    const storage = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'uint8';
    return { ...common, held: shape, storage: typeNumbers[storage], data };
  }
  const { element } = constant;
  const isInteger = dtype === 'int32';
  const data = isInteger ? Int32Array.of(element) : Float32Array.of(element);
  return { ...common, held: [], storage: typeNumbers[isInteger ? 'int32' : 'float32'], data };
}
