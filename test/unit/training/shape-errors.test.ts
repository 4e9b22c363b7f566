import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import type { ParameterSpec } from '../../../src/models/architecture.ts';
import { type Network, networkParameters, parameterKey } from '../../../src/models/network.ts';
import { runNetwork } from '../../../src/models/run-network.ts';
import { evaluateProgram } from '../../../src/training/evaluate-program.ts';
import { stepSettings } from '../../../src/training/stepper.ts';
import { trainProgram } from '../../../src/training/train-programs.ts';
import { float32, type HostTensors } from '../../../src/util/tensor.ts';
import { CLASSES, jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';

/** A network one of whose parameters is shorter by one along its last axis. */
function withShorter(network: Network, name: string): Network {
  const shorter = ({ shape, ...spec }: ParameterSpec) => ({
    ...spec,
    shape: [...shape.slice(0, -1), (shape.at(-1) as number) - 1],
  });
  return network.map((part) => ({
    ...part,
    spec: {
      ...part.spec,
      parameters: part.spec.parameters.map((spec) => (parameterKey(part, spec) === name ? shorter(spec) : spec)),
    },
  }));
}

const tiny = (network?: Network) => {
  const job = tinyJob(jobs.middle, tinyConfig());
  return { ...job, network: network ?? job.network };
};
const parameters = [true, false].flatMap((trainable) => networkParameters(tiny().network, trainable));

it.each(parameters.map(({ name }) => name))('a wrong shape of %s is reported by its path', (name) => {
  const job = tiny(withShorter(tiny().network, name));
  for (const program of [
    trainProgram(stepSettings(job, CLASSES)),
    evaluateProgram(job.name, job.network, job.config, 4),
  ]) {
    const trace = () => traceProgram(program);
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_SHAPE' }));
    expect(trace).toThrow(`the parameter ${name})`);
    expect(trace).toThrow(program.name);
    expect(trace).toThrow('vit/forward.ts');
  }
});

it('errors of operations that know no names tell the part and the parameter read last', async () => {
  await createEagerEngine('cpu');
  await tf.setBackend('cpu');
  const { network, initial } = tiny();
  const images = tf.zeros([2, 8, 8, 3]);
  const run = (parameters: HostTensors) => () =>
    tf.tidy(() => {
      const tensors = Object.entries(parameters).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]);
      runNetwork(network, images, Object.fromEntries(tensors), () => ({ dropPath: (residual) => residual }));
    });
  const weight = 'blocks.3.attn.qkv.weight';
  expect(run(initial)).not.toThrow();
  const narrow = float32(new Float32Array(16 * 15), [16, 15]);
  expect(run({ ...initial, [weight]: narrow })).toThrow(`; in blocks.3, after it read the parameter ${weight} [16,15]`);
  const { [weight]: _, ...others } = initial;
  expect(run(others)).toThrow("blocks.3 has no parameter 'attn.qkv.weight'; in blocks.3, after it read the parameter");
  images.dispose();
});
