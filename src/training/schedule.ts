import type { PhaseConfig, RunConfig } from '../config/schema.ts';

/** Peak learning rate of a phase: scaled linearly with the batch size (Goyal et al., 2017; DeiT scales by batch / 512). */
export function peakLearningRate(phase: PhaseConfig, training: RunConfig['training']): number {
  return training.referenceBatch === null ? phase.lr : (phase.lr * training.batchSize) / training.referenceBatch;
}

/**
 * Cosine schedule with linear warm-up, evaluated at every step.
 *
 * As in timm the cosine's clock also runs during the warm-up, and `minLr` and `warmupLr` are not scaled with the batch
 * size. A peak below one of them caps it.
 *
 * @param step steps done before this one
 */
export function learningRate(step: number, stepsPerEpoch: number, phase: PhaseConfig, peak: number): number {
  const warmup = phase.warmupEpochs * stepsPerEpoch;
  if (step < warmup) {
    const start = Math.min(phase.warmupLr, peak);
    return start + ((peak - start) * step) / warmup;
  }
  const floor = Math.min(phase.minLr, peak);
  return floor + ((peak - floor) * (1 + Math.cos((Math.PI * step) / (phase.epochs * stepsPerEpoch)))) / 2;
}
