import { InferenceSession, Tensor } from 'onnxruntime-node';
import { IncubateError, messageOf } from '../util/errors.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { checkFeeds, unknownState } from './check-feeds.ts';
import { costOf } from './cost.ts';
import { FEED_PREFIX, lowerToOnnx, OUTPUT_PREFIX, STATE_PREFIX } from './lower-to-onnx.ts';
import type { Engine, EngineState, Executable, Program } from './program.ts';
import { traceProgram } from './trace.ts';

/** Graphs with more nodes compile with basic optimisations only: the full set takes time that grows faster than the graph. */
const FULL_OPTIMISATION_NODES = 6000;

/**
 * Threads that wait do not spin: alone on two cores a step of DeiT-T takes 0.68 s either way, beside other work 1 to 2 s
 * without and 2 to 6 s with spinning. Denormals are slow, and zero to a training step.
 */
const sessionSettings = { set_denormal_as_zero: '1', intra_op: { allow_spinning: '0' } };

export interface OnnxEngineOptions {
  /** Threads of an operator. Results are bit-identical between runs with equal numbers of threads. */
  readonly threads: number;
}

/** The engine `cpu`: programs are traced, lowered to ONNX and run as a whole by ONNX Runtime. */
export function createOnnxEngine({ threads }: OnnxEngineOptions): Engine {
  return {
    name: 'cpu',
    createState: (tensors) => new OnnxState(tensors),
    async compile(program) {
      const graph = traceProgram(program);
      const model = lowerToOnnx(graph, program);
      const session = await InferenceSession.create(model, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        enableMemPattern: false,
        graphOptimizationLevel: graph.nodes.length > FULL_OPTIMISATION_NODES ? 'basic' : 'all',
        // 3: errors. Warnings are about initialisers that nothing uses after optimisation.
        logSeverityLevel: 3,
        extra: { session: sessionSettings },
      }).catch((error: unknown) => {
        throw new IncubateError('ENGINE_COMPILE', `${program.name} cannot be compiled: ${messageOf(error)}`, {
          cause: error,
        });
      });
      return onnxExecutable(program, session, costOf(graph));
    },
  };
}

class OnnxState implements EngineState {
  readonly tensors = new Map<string, Tensor>();

  constructor(tensors: HostTensors) {
    this.write(tensors);
  }

  write(tensors: HostTensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      // Copied, so that later changes of the caller's array do not reach the state.
      this.tensors.set(name, toOnnx({ ...tensor, data: tensor.data.slice() } as HostTensor));
    }
  }

  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw unknownState(name, this.tensors.keys());
    return tensor;
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, HostTensor>> {
    // Tensors are replaced and never written to, so what is read stays as it is.
    return Object.fromEntries(names.map((name) => [name, fromOnnx(this.get(name))]));
  }

  dispose(): void {
    this.tensors.clear();
  }
}

function onnxExecutable(program: Program, session: InferenceSession, cost: Executable['cost']): Executable {
  return {
    cost,
    async run(state, feeds) {
      if (!(state instanceof OnnxState)) {
        throw new IncubateError('ENGINE_STATE', `${program.name} was given the state of another engine`);
      }
      checkFeeds(program, feeds);
      const inputs: Record<string, Tensor> = {};
      for (const name of Object.keys(program.state)) inputs[STATE_PREFIX + name] = state.get(name);
      for (const [name, tensor] of Object.entries(feeds)) inputs[FEED_PREFIX + name] = toOnnx(tensor);
      // The binding computes on this thread, from a macrotask of its own, so timers and messages are served in between.
      const results = await session.run(inputs);
      const outputs: Record<string, HostTensor> = {};
      for (const [name, tensor] of Object.entries(results)) {
        const [kind, key] = [name.slice('next '.length), name.slice(name.indexOf(':') + 1)];
        if (kind.startsWith(STATE_PREFIX)) state.tensors.set(key, tensor);
        else if (kind.startsWith(OUTPUT_PREFIX)) outputs[key] = fromOnnx(tensor);
      }
      return outputs;
    },
    dispose: () => void session.release(),
  };
}

function toOnnx({ dtype, data, shape }: HostTensor): Tensor {
  return new Tensor(dtype, data, shape);
}

function fromOnnx(tensor: Tensor): HostTensor {
  return { dtype: tensor.type, data: tensor.data, shape: tensor.dims } as HostTensor;
}
