import { expect, it } from 'vitest';
import { traceCost } from '../../../src/engine/cost.ts';
import { stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { tinyConfig, tinyJob, tinyResnet, trainJob } from '../../support/tiny.ts';

/** What a step of a deep network holds of intermediate results at a time, at most. */
function peakOf(method: object, model: object, division: object): number {
  const tiny = tinyJob(
    trainJob,
    tinyConfig({ model: { depth: 24, ...model }, division, method, training: { batchSize: 64 } }),
  );
  const [step] = stepPrograms(stepSettings(tiny));
  return traceCost((step as NonNullable<typeof step>).program).peakActivationBytes;
}

const infopro = { name: 'infopro', infopro: { reconstruction: [1, 1], label: [1, 1] } };
const resnet = { ...tinyResnet, width: 16, depth: 24 };

it.each([
  { family: 'vision transformer', model: {}, method: infopro, balance: 'depth', share: 0.55 },
  { family: 'vision transformer', model: {}, method: { name: 'dgl' }, balance: 'depth', share: 0.5 },
  { family: 'residual network', model: resnet, method: infopro, balance: 'depth', share: 0.75 },
  { family: 'residual network', model: resnet, method: infopro, balance: 'memory', share: 0.6 },
  { family: 'residual network', model: resnet, method: { name: 'greedy' }, balance: 'memory', share: 0.5 },
])(
  '$method.name of a $family, divided by $balance, holds one module at a time',
  ({ model, method, balance, share }) => {
    const whole = peakOf({ name: 'e2e' }, model, {});
    const [two, four] = [2, 4].map((modules) => peakOf(method, model, { modules, balance }));
    expect(four).toBeLessThan(whole * share);
    expect(two).toBeGreaterThan(four as number);
    expect(two).toBeLessThan(whole);
  },
);
