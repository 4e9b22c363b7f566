import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import type { ParameterSpec } from '../../../src/models/architecture.ts';
import { evaluationContext } from '../../../src/models/forward.ts';
import { type Network, networkParameters, parameterKey } from '../../../src/models/network.ts';
import { runNetwork } from '../../../src/models/run-network.ts';
import { evaluateProgram } from '../../../src/training/evaluate-program.ts';
import { stepSettings } from '../../../src/training/stepper.ts';
import { trainProgram } from '../../../src/training/train-programs.ts';
import { float32, type HostTensors } from '../../../src/util/tensor.ts';
import { jobs, tinyConfig, tinyFamilies, tinyJob } from '../../support/tiny.ts';

/** A network one of whose parameters is shorter by one: along its inputs, or its last axis. GPT-2's weights are [in, out]. */
function withShorter(network: Network, name: string): Network {
  const shorter = ({ shape, ...spec }: ParameterSpec) => {
    const along = shape.length === 4 ? 1 : /\.c_\w+\.weight$/.test(spec.name) ? 0 : shape.length - 1;
    return { ...spec, shape: shape.map((extent, axis) => (axis === along ? extent - 1 : extent)) };
  };
  return network.map((part) => ({
    ...part,
    spec: {
      ...part.spec,
      parameters: part.spec.parameters.map((spec) => (parameterKey(part, spec) === name ? shorter(spec) : spec)),
    },
  }));
}

const tiny = (model: object, network?: Network) => {
  const job = tinyJob(jobs.middle, tinyConfig({ model }));
  return { ...job, network: network ?? job.network };
};
const cases = tinyFamilies.flatMap(([family, model]) =>
  [true, false].flatMap((trainable) =>
    networkParameters(tiny(model).network, trainable).map(
      ({ name, statistic }) => [family, name, model, statistic] as const,
    ),
  ),
);

it.each(cases)('in a %s, a wrong shape of %s is reported by its path', (_family, name, model, statistic) => {
  const job = tiny(model, withShorter(tiny(model).network, name));
  const evaluation = evaluateProgram(job.name, job.network, job.config, 4);
  // Training computes statistics of its own.
  for (const program of statistic ? [evaluation] : [trainProgram(stepSettings(job)), evaluation]) {
    const trace = () => traceProgram(program);
    expect(trace).toThrow(expect.objectContaining({ code: 'ENGINE_SHAPE' }));
    // As an operand, or as what was read before an operation that does not know what its operands are called.
    const path = name.replaceAll('.', '\\.');
    expect(trace).toThrow(new RegExp(`\\((made of )?the parameter ${path}\\)|after it read the parameter ${path} \\[`));
    expect(trace).toThrow(program.name);
    expect(trace).toThrow(/\(.*at .*models/);
  }
});

it('errors of operations that know no names tell the part and the parameter read last', async () => {
  await createEagerEngine('cpu');
  await tf.setBackend('cpu');
  const { network, initial } = tiny({});
  const images = tf.zeros([2, 8, 8, 3]);
  const run = (parameters: HostTensors) => () =>
    tf.tidy(() => {
      const tensors = Object.entries(parameters).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]);
      runNetwork(network, images, Object.fromEntries(tensors), () => evaluationContext);
    });
  const weight = 'blocks.3.attn.qkv.weight';
  expect(run(initial)).not.toThrow();
  const narrow = float32(new Float32Array(16 * 15), [16, 15]);
  expect(run({ ...initial, [weight]: narrow })).toThrow(`; in blocks.3, after it read the parameter ${weight} [16,15]`);
  const { [weight]: _, ...others } = initial;
  expect(run(others)).toThrow("blocks.3 has no parameter 'attn.qkv.weight'; in blocks.3, after it read the parameter");
  images.dispose();
});
