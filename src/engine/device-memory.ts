import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, onnxNode, valueInfo } from './onnx-format.ts';
import { openSession } from './onnx-session.ts';
import type { Provider } from './providers.ts';

/** Types of tensors that can stay in the device's memory: WebGPU computes with four-byte elements. */
const residentTypes = ['float32', 'int32'] as const;
type ResidentType = (typeof residentTypes)[number];

export function canReside(type: string): type is ResidentType {
  return (residentTypes as readonly string[]).includes(type);
}

/** Moves tensors between ordinary memory and the device's. */
export interface DeviceMemory {
  upload(tensor: Tensor): Promise<Tensor>;
  download(tensor: Tensor): Promise<Tensor>;
}

/**
 * Copies by sessions of one `Identity` each, opened on first use: the binding has no other way into the device's
 * memory, and reading a tensor there by `getData` aborts the process.
 */
export function deviceMemory(provider: Provider): DeviceMemory {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const copy = async (tensor: Tensor, to: 'cpu' | 'gpu-buffer'): Promise<Tensor> => {
    const type = tensor.type as ResidentType;
    const key = `${type} ${tensor.dims.length} ${to}`;
    const session = sessions.get(key) ?? openCopy(provider, type, tensor.dims.length, to);
    sessions.set(key, session);
    const { copied } = await (await session).run({ given: tensor });
    return copied as Tensor;
  };
  return { upload: (tensor) => copy(tensor, 'gpu-buffer'), download: (tensor) => copy(tensor, 'cpu') };
}

/** Computes with a provider and checks what comes back. @throws Error that says why the provider does not work. */
export async function tryProvider(provider: Provider): Promise<void> {
  const given = Float32Array.of(1.5, -2, 3);
  const session = await openCopy(provider, 'float32', 1, 'cpu');
  try {
    const { copied } = await session.run({ given: new Tensor('float32', given, [3]) });
    const returned = copied?.data as Float32Array;
    if (returned.some((value, index) => value !== given[index])) throw new Error(`it copied ${given} as ${returned}`);
  } finally {
    await session.release();
  }
}

function openCopy(provider: Provider, type: ResidentType, rank: number, to: 'cpu' | 'gpu-buffer') {
  const shape = Array.from({ length: rank }, (_, axis) => `axis${axis}`);
  const model = encodeModel({
    name: `copy(${to})`,
    node: [onnxNode('Identity', ['given'], {}, ['copied'])],
    initializer: [],
    input: [valueInfo('given', type, shape)],
    output: [valueInfo('copied', type, shape)],
  });
  return openSession(model, { provider, threads: 1, onDevice: to === 'cpu' ? [] : ['copied'] });
}
