import { Tensor } from 'onnxruntime-node';
import type { HostTensor, HostTensors } from '../util/tensor.ts';
import { unknownState } from './check-inputs.ts';
import { canReside, type DeviceMemory } from './device-memory.ts';
import { freeMemory } from './host-memory.ts';
import type { EngineState } from './program.ts';
import type { Provider } from './providers.ts';
import { StateUse } from './state-use.ts';

/** State as tensors of ONNX Runtime: in the device's memory where there is one, from its first use on. */
export class OnnxState implements EngineState {
  readonly #tensors = new Map<string, Tensor>();
  readonly provider: Provider;
  readonly #memory: DeviceMemory | null;
  readonly use = new StateUse(() => this.#releaseAll());

  constructor(tensors: HostTensors, provider: Provider, memory: DeviceMemory | null) {
    this.provider = provider;
    this.#memory = memory;
    this.write(tensors);
  }

  write(tensors: HostTensors): void {
    this.use.assertFree('a state that is written');
    for (const [name, tensor] of Object.entries(tensors)) {
      // Copied, so that later changes of the caller's array do not reach the state, nor the state's the caller.
      this.replace(name, toOnnx(copied(tensor)));
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
    this.use.assertAlive('a state that is read');
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
    this.use.dispose();
  }

  #releaseAll(): void {
    for (const tensor of this.#tensors.values()) release(tensor);
    this.#tensors.clear();
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
