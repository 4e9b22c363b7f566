import fc from 'fast-check';
import { expect, it } from 'vitest';
import { halvedMicroBatches } from '../../../src/training/accumulation.ts';
import { stepSettings } from '../../../src/training/stepper.ts';
import { jobs, tinyConfig, tinyJob } from '../../support/tiny.ts';

const unmixed = { mixup: 0, cutmix: 0 };

it.each([
  [{ batchSize: 8, accumulate: 1 }, 2],
  [{ batchSize: 8, accumulate: 2 }, 4],
  // Micro-batches of one image hold no pair.
  [{ batchSize: 8, accumulate: 4 }, null],
  [{ batchSize: 8, accumulate: 4, ...unmixed }, 8],
  [{ batchSize: 8, accumulate: 8, ...unmixed }, null],
  [{ batchSize: 12, accumulate: 3 }, 6],
  [{ batchSize: 6, accumulate: 1 }, null],
  [{ batchSize: 6, accumulate: 1, ...unmixed }, 2],
  [{ batchSize: 6, accumulate: 1, mixProbability: 0 }, 2],
  [{ batchSize: 7, accumulate: 1, ...unmixed }, null],
])('of %j there are twice as many micro-batches: %j', (training, expected) => {
  const config = tinyConfig({ training: { mixup: 0.8, ...training } });
  expect(halvedMicroBatches(config)).toBe(expected);
});

it('is always a division in which a job can train, until there is none', () => {
  const settings = fc.record({ batchSize: fc.integer({ min: 1, max: 64 }), mixup: fc.constantFrom(0, 0.8) });
  fc.assert(
    fc.property(settings, (training) => {
      let accumulate: number | null = 1;
      while (accumulate !== null) {
        const config = tinyConfig({ training: { ...training, accumulate } });
        if (accumulate > 1) {
          expect(training.batchSize % accumulate).toBe(0);
          expect(() => stepSettings(tinyJob(jobs.meta, config))).not.toThrow();
        }
        accumulate = halvedMicroBatches(config);
      }
    }),
  );
});
