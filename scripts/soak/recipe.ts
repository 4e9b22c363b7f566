/**
 * A run that is over in seconds: five jobs, of which four train for twelve steps each and save every other one. All jobs
 * compute with one thread, so that the weights do not depend on the number of slots.
 */
export const tinyRecipe = `
seed: 11
model: { name: vit-tiny, width: 16, depth: 4, heads: 2, patch: 4, imageSize: 8 }
division: { modules: 2 }
data: { source: shapes, padding: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], shapes: { train: 96, validation: 16 } }
training: { batchSize: 16, referenceBatch: null, mixup: 0.2, cutmix: 0 }
phases:
  meta: { epochs: 2, lr: 2.0e-3, warmupEpochs: 1, clip: 1 }
  incubate: { epochs: 2, lr: 2.0e-3, warmupEpochs: 0, dropPath: 0.1 }
  finetune: { epochs: 2, lr: 1.0e-3, dropPath: 0.1 }
checkpoint: { everySteps: 2, keep: 2 }
devices: { gpus: none, slots: 2, threads: 1 }
execution: { retries: 4, retryDelay: 0.05, stopGrace: 10, heartbeatLimit: 10 }
`;

/** Steps of each job that trains. */
export const TINY_STEPS = 12;
export const tinyTrainingJobs = ['meta', 'module-0', 'module-1', 'finetune'] as const;
