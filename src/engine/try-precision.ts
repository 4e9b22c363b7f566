import { Tensor } from 'onnxruntime-node';
import { hasPrecision, type OtherPrecision, otherPrecisions } from '../config/precision.ts';
import { type ReducedType, reducedTypeOf } from './graph.ts';
import { elementTypes, encodeModel, onnxNode, valueInfo } from './onnx-format.ts';
import { openSession } from './onnx-session.ts';
import type { Provider } from './providers.ts';

/** The precisions beside fp32 that a provider computes in on this machine, found out by multiplying matrices. */
export async function workingPrecisions(provider: Provider): Promise<OtherPrecision[]> {
  const working: OtherPrecision[] = [];
  for (const precision of otherPrecisions) {
    if (!hasPrecision(provider.name, precision)) continue;
    const type = reducedTypeOf(precision);
    if (type === null || (await multiplies(provider, type))) working.push(precision);
  }
  return working;
}

async function multiplies(provider: Provider, type: ReducedType): Promise<boolean> {
  const matrix = (name: string) => valueInfo(name, 'float32', [2, 2]);
  const model = encodeModel({
    name: `try(${type})`,
    node: [
      onnxNode('Cast', ['given'], { to: elementTypes[type] }, ['reduced']),
      onnxNode('MatMul', ['reduced', 'reduced'], {}, ['product']),
      onnxNode('Cast', ['product'], { to: elementTypes.float32 }, ['square']),
    ],
    initializer: [],
    input: [matrix('given')],
    output: [matrix('square')],
  });
  try {
    const session = await openSession(model, { provider, threads: 1, deviceOnly: true });
    try {
      const { square } = await session.run({ given: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
      return square?.data.join() === '7,10,15,22';
    } finally {
      await session.release();
    }
  } catch {
    // An adapter without shader-f16, or a card too old: found when the shader is made.
    return false;
  }
}
