import { sizeOf } from '../util/tensor.ts';
import { executionOrder } from './execution-order.ts';
import type { Graph, Node, Value } from './graph.ts';
import { overwritableState } from './in-place.ts';
import { sizeOfAll } from './kernels/kernel.ts';
import { kernels } from './kernels/table.ts';
import type { Program, ProgramCost } from './program.ts';
import { traceProgram } from './trace.ts';

const elementBytes = { float32: 4, int32: 4, float16: 2, bfloat16: 2, bool: 1 } as const;
const bytes = (value: Value) => sizeOf(value.shape) * elementBytes[value.dtype];

/** The cost of a program without compiling or running it. */
export function traceCost(program: Program): ProgramCost {
  return costOf(traceProgram(program));
}

export function costOf(graph: Graph): ProgramCost {
  const inputs = [...graph.state.values(), ...graph.feeds.values()];
  const results = [...graph.nextState.values(), ...graph.outputs.values()];
  return {
    flops: graph.nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    stateBytes: inputs.reduce((sum, value) => sum + bytes(value), 0),
    peakActivationBytes: peakBytes(graph, overwritableState(graph)),
    resultBytes: results.reduce((sum, value) => sum + bytes(value), 0),
    nodes: graph.nodes.length,
  };
}

/** A process without a program, with what its allocator wastes, and what it keeps per node of a compiled graph. */
const PROCESS_BYTES = 240 * 2 ** 20;
const NODE_BYTES = 20 * 2 ** 10;

/** Largest resident set of a process that runs a program with the CPU engine, which hands out results as copies. */
export function peakProcessBytes({ stateBytes, peakActivationBytes, resultBytes, nodes }: ProgramCost): number {
  return PROCESS_BYTES + NODE_BYTES * nodes + stateBytes + peakActivationBytes + resultBytes;
}

function flopsOf({ kernel, inputs, outputs, attributes }: Node): number {
  return kernels[kernel]?.flops?.(inputs, outputs, attributes) ?? sizeOfAll(outputs);
}

/**
 * Largest sum of live intermediate tensors, each freed after its last use, in the order of ONNX Runtime. Reshapes share
 * their input's memory, and state that is written over has its own.
 */
function peakBytes(graph: Graph, overwritten: ReadonlySet<string>): number {
  const nodes = executionOrder(graph);
  const owner = new Map<number, number>();
  const ownerOf = (value: Value) => owner.get(value.id) ?? value.id;
  for (const { kernel, inputs, outputs } of nodes) {
    if (kernel === 'Reshape' || kernel === 'ExpandDims')
      owner.set((outputs[0] as Value).id, ownerOf(inputs[0] as Value));
  }
  const lastUse = new Map<number, number>();
  nodes.forEach(({ inputs, outputs }, index) => {
    for (const value of [...inputs, ...outputs]) lastUse.set(ownerOf(value), index);
  });
  for (const value of [...graph.nextState.values(), ...graph.outputs.values()])
    lastUse.set(ownerOf(value), Number.POSITIVE_INFINITY);
  const elsewhere = new Set([...overwritten].map((name) => graph.nextState.get(name)?.id));

  const live = new Map<number, number>();
  let current = 0;
  let peak = 0;
  nodes.forEach(({ inputs, outputs }, index) => {
    for (const value of outputs) {
      if (ownerOf(value) !== value.id || elsewhere.has(value.id)) continue;
      live.set(value.id, bytes(value));
      current += bytes(value);
    }
    peak = Math.max(peak, current);
    for (const id of new Set([...inputs, ...outputs].map(ownerOf))) {
      if (lastUse.get(id) !== index) continue;
      current -= live.get(id) ?? 0;
      live.delete(id);
    }
  });
  return peak;
}
