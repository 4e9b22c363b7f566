import * as tf from '@tensorflow/tfjs-core';
import { Tensor } from 'onnxruntime-node';
import { createEagerEngine } from '../../src/engine/eager-engine.ts';
import { FEED_PREFIX, lowerToOnnx, OUTPUT_PREFIX } from '../../src/engine/lower-to-onnx.ts';
import type { OnnxModel } from '../../src/engine/onnx-format.ts';
import { openSession } from '../../src/engine/onnx-session.ts';
import type { Program } from '../../src/engine/program.ts';
import { type Provider, providers } from '../../src/engine/providers.ts';
import { traceProgram } from '../../src/engine/trace.ts';
import type { HostTensor, HostTensors } from '../../src/util/tensor.ts';

/** The model that a provider would be given. */
export function modelFor(provider: Provider, program: Program): OnnxModel {
  return lowerToOnnx(traceProgram(program), program, { provider });
}

/** The outputs of a model of a program without state, computed by the CPU provider, whatever it was made for. */
export async function runModel(model: OnnxModel, inputs: HostTensors): Promise<Record<string, HostTensor>> {
  const session = await openSession(model, { provider: providers.cpu, threads: 1 });
  const feeds = Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
    FEED_PREFIX + name,
    new Tensor(dtype, data, shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, data, dims }]) => [
      name.slice(`next ${OUTPUT_PREFIX}`.length),
      { dtype: type, data, shape: dims } as HostTensor,
    ]),
  );
}

/** The kernels of a program's graph, and those that tfjs runs for it, which tracing may have composed of others. */
export async function kernelsOf(program: Program, inputs: HostTensors): Promise<ReadonlySet<string>> {
  const eager = await createEagerEngine('cpu');
  const executable = await eager.compile(program);
  const { kernelNames } = await tf
    .profile(async () => {
      await executable.run(eager.createState({}), inputs);
      return [];
    })
    .finally(() => {
      tf.engine().state.profiling = false;
    });
  const { nodes } = traceProgram(program);
  return new Set([...kernelNames, ...nodes.map(({ kernel }) => kernel)]);
}
