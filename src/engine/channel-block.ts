import { Tensor } from 'onnxruntime-node';
import { encodeModel, NCHWC, onnxNode, valueInfo } from './onnx-format.ts';
import { openSession } from './onnx-session.ts';
import { providers } from './providers.ts';

let found: Promise<number> | undefined;

/**
 * How many channels ONNX Runtime's operators on blocked images keep together on this processor: 16 with AVX-512, 8 or 16
 * elsewhere; 1 where it has no such operators. Found out by reordering an image once in a process.
 */
export function channelBlock(): Promise<number> {
  found ??= measured().catch(() => 1);
  return found;
}

const CHANNELS = 64;
const PIXELS = 3;

async function measured(): Promise<number> {
  const shape = [1, CHANNELS, 1, PIXELS];
  const model = encodeModel({
    name: 'reorder',
    node: [onnxNode('ReorderInput', ['image'], {}, ['blocked'], NCHWC)],
    initializer: [],
    input: [valueInfo('image', 'float32', shape)],
    output: [valueInfo('blocked', 'float32', shape)],
  });
  const session = await openSession(model, { provider: providers.cpu, threads: 1 });
  try {
    const places = Float32Array.from({ length: CHANNELS * PIXELS }, (_, index) => index);
    const { blocked } = await session.run({ image: new Tensor('float32', places, shape) });
    return blocked ? blockOf([...(blocked.data as Float32Array)]) : 1;
  } finally {
    await session.release();
  }
}

/** The block b of a memory [C / b, pixels, b] whose elements say where they were in [C, pixels]; 1 where it is none. */
function blockOf(memory: readonly number[]): number {
  const block = memory.findIndex((place, index) => place !== index * PIXELS);
  if (block < 2 || CHANNELS % block !== 0) return 1;
  const isBlocked = memory.every((place, index) => {
    const [group, rest] = [Math.floor(index / (PIXELS * block)), index % (PIXELS * block)];
    return place === (group * block + (rest % block)) * PIXELS + Math.floor(rest / block);
  });
  return isBlocked ? block : 1;
}
