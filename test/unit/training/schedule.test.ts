import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { learningRate, peakLearningRate } from '../../../src/training/schedule.ts';

const { phases, training } = runConfigSchema.parse({});

describe('the learning rate', () => {
  it('scales linearly with the batch size', () => {
    expect(peakLearningRate(phases.meta, training)).toBeCloseTo(2e-3, 12);
    expect(peakLearningRate(phases.meta, { ...training, referenceBatch: null })).toBe(5e-4);
  });

  // The paper's pre-training at epochs 20 and 21 uses the cosine at 19 and 20 of 300 epochs, its clock running through
  // the warm-up: 1.978e-3 after 20 epochs (official code, read off its schedule).
  it('follows the published curve', () => {
    const at = (epoch: number) => learningRate(epoch * 10, 10, phases.meta, 2e-3);
    expect(at(0)).toBe(1e-6);
    expect(at(10)).toBeCloseTo((1e-6 + 2e-3) / 2, 12);
    expect(at(19)).toBeCloseTo(1.9e-3, 5);
    expect(at(20)).toBeCloseTo(1.978e-3, 6);
    expect(at(150)).toBeCloseTo((2e-3 + 1e-5) / 2, 12);
    expect(at(299.9)).toBeCloseTo(1e-5, 8);
  });

  it('never exceeds a peak below the floor', () => {
    for (const step of [0, 5, 250, 2999]) expect(learningRate(step, 10, phases.meta, 1e-7)).toBeLessThanOrEqual(1e-7);
  });
});
