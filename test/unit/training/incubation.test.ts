import { expect, it } from 'vitest';
import type { HostTensors } from '../../../src/util/tensor.ts';
import { imageFamilies, plainImages, plainMeta, plainModules } from '../../support/local-cases.ts';
import { agreedGradient, expectGradient } from '../../support/plain-gradients.ts';
import { crossEntropy, plainResnetFamily } from '../../support/plain-local.ts';
import { jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';

const cases = imageFamilies.flatMap((family) =>
  [jobs.first, jobs.middle, jobs.last].flatMap((job) =>
    (family.family === 'vision transformer' ? (['eval'] as const) : (['eval', 'train'] as const)).map(
      (frozenSlices) => ({ ...family, id: job.id, job, frozenSlices }),
    ),
  ),
);

it.each(cases)(
  'the loss and gradients of $id between slices in $frozenSlices are those of plain loops: $family',
  async (given) => {
    const { family, model, plain, job, frozenSlices } = given;
    const tiny = tinyJob(job, tinyConfig({ model, training: { batchSize: 4, frozenSlices } }));
    const found = await agreedGradient(tiny);
    const modules = plainModules(tiny.config);
    const batch = plainImages(tiny.config, 0);
    const { module: index } = job;
    const isFirst = index === 0;
    const isLast = index === modules.length - 1;
    const frozen = family === 'residual network' && frozenSlices === 'eval' ? plainResnetFamily('running') : plain;
    const meta = plainMeta(given, modules, tiny.initial);

    const through = (x: unknown, slices: readonly string[]) =>
      slices.reduce((before, name) => frozen.block(before, name, meta.weights), x);
    const before = isFirst ? undefined : through(frozen.stem(batch, meta.weights), meta.blocks.slice(0, index));
    const lossWith = (weights: HostTensors) => {
      const start = isFirst ? plain.stem(batch, weights) : before;
      const x = modules[index]?.reduce((features, name) => plain.block(features, name, weights), start);
      const logits = isLast
        ? plain.head(x, weights)
        : frozen.head(through(x, meta.blocks.slice(index + 1)), meta.weights);
      return crossEntropy(logits, batch.labels);
    };
    expect(found.loss / lossWith(tiny.initial)).toBeCloseTo(1, 4);
    const names = Object.keys(found.gradient);
    expect(names.filter((name) => name.startsWith('meta.'))).toEqual([]);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expectGradient(found, name, tiny.initial, lossWith);
  },
);
