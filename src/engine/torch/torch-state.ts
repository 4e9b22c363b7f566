import type { HostTensor, HostTensors, TensorSpec } from '../../util/tensor.ts';
import { unknownState } from '../check-inputs.ts';
import type { EngineState } from '../program.ts';
import { StateUse } from '../state-use.ts';
import type { TensorHandle, TorchAddon, TorchTensor } from './addon.ts';
import { typeNumbers } from './code.ts';

interface Held extends TensorSpec {
  readonly handle: TensorHandle;
}

/** State as tensors of torch, where it computes. */
export class TorchState implements EngineState {
  readonly addon: TorchAddon;
  readonly #tensors = new Map<string, Held>();
  readonly use = new StateUse(() => this.#releaseAll());

  constructor(tensors: HostTensors, addon: TorchAddon) {
    this.addon = addon;
    this.write(tensors);
  }

  write(tensors: HostTensors): void {
    this.use.assertFree('a state that is written');
    for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
      const handle = this.addon.tensor(typeNumbers[dtype], shape, data);
      const old = this.#tensors.get(name);
      if (old) this.addon.release(old.handle);
      this.#tensors.set(name, { handle, dtype, shape });
    }
  }

  get(name: string): Held {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw unknownState(name, this.#tensors.keys());
    return tensor;
  }

  async read(names: readonly string[] = [...this.#tensors.keys()]): Promise<Record<string, HostTensor>> {
    this.use.assertAlive('a state that is read');
    const tensors = await this.addon.read(names.map((name) => this.get(name).handle));
    return Object.fromEntries(names.map((name, index) => [name, hostTensor(tensors[index] as TorchTensor)]));
  }

  dispose(): void {
    this.use.dispose();
  }

  #releaseAll(): void {
    for (const { handle } of this.#tensors.values()) this.addon.release(handle);
    this.#tensors.clear();
  }
}

/** A result of torch as other engines hand it out. */
export function hostTensor({ type, shape, buffer }: TorchTensor): HostTensor {
  if (type === typeNumbers.int32) return { dtype: 'int32', shape, data: new Int32Array(buffer) };
  if (type === typeNumbers.uint8) return { dtype: 'uint8', shape, data: new Uint8Array(buffer) };
  return { dtype: 'float32', shape, data: new Float32Array(buffer) };
}
