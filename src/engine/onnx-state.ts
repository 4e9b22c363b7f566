import { Tensor } from 'onnxruntime-node';
import { IncubateError } from '../util/errors.ts';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { unknownState } from './check-inputs.ts';
import { canReside, type DeviceMemory } from './device-memory.ts';
import { disposed } from './failures.ts';
import { freeMemory } from './host-memory.ts';
import type { EngineState } from './program.ts';
import type { Provider } from './providers.ts';

/** State as tensors of ONNX Runtime: in the device's memory where there is one, from its first use on. */
export class OnnxState implements EngineState {
  readonly #tensors = new Map<string, Tensor>();
  readonly provider: Provider;
  readonly #memory: DeviceMemory | null;
  /** The program that reads and replaces the tensors at the moment. */
  #user: string | null = null;
  #isDisposed = false;

  constructor(tensors: HostTensors, provider: Provider, memory: DeviceMemory | null) {
    this.provider = provider;
    this.#memory = memory;
    this.write(tensors);
  }

  write(tensors: HostTensors): void {
    this.#assertFree('a state that is written');
    for (const [name, tensor] of Object.entries(tensors)) {
      // Copied, so that later changes of the caller's array do not reach the state, nor the state's the caller.
      this.replace(name, toOnnx(copied(tensor)));
    }
  }

  /** Leaves the tensors to one run of a program; nothing else changes them before it ends. */
  async lend<T>(program: string, use: () => Promise<T>): Promise<T> {
    this.#assertFree(`the state given to ${program}`);
    this.#user = program;
    try {
      return await use();
    } finally {
      this.#user = null;
      if (this.#isDisposed) this.#releaseAll();
    }
  }

  replace(name: string, tensor: Tensor): void {
    release(this.#tensors.get(name));
    this.#tensors.set(name, tensor);
  }

  get(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw unknownState(name, this.#tensors.keys());
    return tensor;
  }

  /** A tensor where the engine computes. */
  async resident(name: string): Promise<Tensor> {
    const tensor = this.get(name);
    if (!this.#memory || tensor.location !== 'cpu' || !canReside(tensor.type)) return tensor;
    const uploaded = await this.#memory.upload(tensor);
    this.replace(name, uploaded);
    return uploaded;
  }

  async read(names: readonly string[] = [...this.#tensors.keys()]): Promise<Record<string, HostTensor>> {
    if (this.#isDisposed) throw disposed('a state that is read');
    const tensors: Record<string, HostTensor> = {};
    for (const name of names) {
      const tensor = this.get(name);
      if (tensor.location !== 'cpu') tensors[name] = fromOnnx(await this.#download(tensor));
      // Copied, since programs write over tensors in place.
      else tensors[name] = copied(fromOnnx(tensor));
    }
    return tensors;
  }

  dispose(): void {
    this.#isDisposed = true;
    if (this.#user === null) this.#releaseAll();
  }

  #releaseAll(): void {
    for (const tensor of this.#tensors.values()) release(tensor);
    this.#tensors.clear();
  }

  #assertFree(what: string): void {
    if (this.#isDisposed) throw disposed(what);
    if (this.#user === null) return;
    throw new IncubateError('ENGINE_STATE', `${what} is in use by ${this.#user}`);
  }

  #download(tensor: Tensor): Promise<Tensor> {
    if (!this.#memory) throw new RangeError('a tensor is on a device that this state knows nothing of');
    return this.#memory.download(tensor);
  }
}

/** Memory is given back at once: that of a device the collector of garbage does not see, and state is large. */
export function release(tensor: Tensor | undefined): void {
  if (!tensor) return;
  if (tensor.location === 'cpu') freeMemory(tensor.data as ArrayBufferView);
  else tensor.dispose();
}

function copied(tensor: HostTensor): HostTensor {
  return { ...tensor, data: tensor.data.slice() } as HostTensor;
}

export function toOnnx({ dtype, data, shape }: HostTensor): Tensor {
  return new Tensor(dtype, data, shape);
}

export function fromOnnx(tensor: Tensor): HostTensor {
  return { dtype: tensor.type, data: tensor.data, shape: tensor.dims } as HostTensor;
}
