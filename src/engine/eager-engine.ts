import * as tf from '@tensorflow/tfjs-core';
import './gradients.ts';
import { requirePrecision } from '../config/precision.ts';
import { IncubateError } from '../util/errors.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { checkFeeds, checkState, foreignState, unknownState } from './check-inputs.ts';
import { traceCost } from './cost.ts';
import { disposed, runFailure } from './failures.ts';
import type { Engine, EngineState, Program } from './program.ts';

/** Runs programs operation by operation on a registered tfjs backend: `tensorflow` of tfjs-node, or `cpu` as reference. */
export async function createEagerEngine(backend: string, name = `tfjs-${backend}`): Promise<Engine> {
  tf.enableProdMode();
  if (backend === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
  if (!tf.engine().registryFactory[backend]) {
    throw new IncubateError('ENGINE_UNAVAILABLE', `tfjs has no backend '${backend}'`);
  }
  const active = async <T>(action: () => T): Promise<T> => {
    if (tf.getBackend() !== backend) await tf.setBackend(backend);
    return action();
  };
  await active(() => tf.ready());
  return {
    name,
    createState: (tensors) => new EagerState(backend, tensors),
    async compile(program) {
      requirePrecision('tfjs', program.precision);
      let isDisposed = false;
      return {
        cost: traceCost(program),
        async run(state, feeds) {
          if (isDisposed) throw disposed(program.name);
          if (!(state instanceof EagerState && state.backend === backend)) throw foreignState(program);
          checkFeeds(program, feeds);
          if (state.isDisposed) throw disposed(`the state given to ${program.name}`);
          checkState(program, (key) => {
            const { dtype, shape } = state.get(key);
            // Bytes are kept as int32.
            return { dtype: program.state[key]?.dtype === 'uint8' && dtype === 'int32' ? 'uint8' : dtype, shape };
          });
          // Operations block this thread; timers and messages are served between runs.
          await new Promise(setImmediate);
          return active(() => runEagerly(program, state, feeds)).catch((error: unknown) => {
            throw runFailure(program, error);
          });
        },
        dispose() {
          isDisposed = true;
        },
      };
    },
  };
}

class EagerState implements EngineState {
  readonly tensors = new Map<string, tf.Tensor>();
  readonly backend: string;
  isDisposed = false;

  constructor(backend: string, tensors: HostTensors) {
    this.backend = backend;
    this.write(tensors);
  }

  write(tensors: HostTensors): void {
    if (this.isDisposed) throw disposed('a state that is written');
    if (tf.getBackend() !== this.backend) tf.setBackend(this.backend);
    for (const [name, tensor] of Object.entries(tensors))
      this.replace(name, toTf({ ...tensor, data: tensor.data.slice() } as HostTensor));
  }

  replace(name: string, tensor: tf.Tensor): void {
    this.tensors.get(name)?.dispose();
    this.tensors.set(name, tf.keep(tensor));
  }

  get(name: string): tf.Tensor {
    if (this.isDisposed) throw disposed('a state that is read');
    const tensor = this.tensors.get(name);
    if (!tensor) throw unknownState(name, this.tensors.keys());
    return tensor;
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, HostTensor>> {
    if (this.isDisposed) throw disposed('a state that is read');
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await fromTf(this.get(name))] as const)),
    );
  }

  dispose(): void {
    this.isDisposed = true;
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}

async function runEagerly(
  program: Program,
  state: EagerState,
  feeds: HostTensors,
): Promise<Record<string, HostTensor>> {
  const kept: { state: [string, tf.Tensor][]; outputs: [string, tf.Tensor][] } = { state: [], outputs: [] };
  tf.tidy(() => {
    const read = Object.fromEntries(Object.keys(program.state).map((name) => [name, state.get(name)]));
    const fed = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toTf(tensor)]));
    const result = program.body(read, fed);
    // A copy each: a body may return one tensor under two names, or one that it was given.
    const keep = (tensors: Readonly<Record<string, tf.Tensor>>) =>
      Object.entries(tensors).map(([name, tensor]): [string, tf.Tensor] => [name, tf.keep(tf.clone(tensor))]);
    kept.state = keep(result.state);
    kept.outputs = keep(result.outputs);
  });
  for (const [name, tensor] of kept.state) state.replace(name, tensor);
  const outputs: Record<string, HostTensor> = {};
  for (const [name, tensor] of kept.outputs) {
    outputs[name] = await fromTf(tensor);
    tensor.dispose();
  }
  return outputs;
}

function toTf({ dtype, data, shape }: HostTensor): tf.Tensor {
  if (dtype === 'uint8') return tf.tensor(Int32Array.from(data), [...shape], 'int32');
  return tf.tensor(data, [...shape], dtype);
}

async function fromTf(tensor: tf.Tensor): Promise<HostTensor> {
  // Host tensors know no booleans.
  const dtype = tensor.dtype === 'bool' ? 'uint8' : tensor.dtype;
  return { dtype, data: await tensor.data(), shape: tensor.shape } as HostTensor;
}
