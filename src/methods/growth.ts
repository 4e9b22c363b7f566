import { modelCopies } from './copies.ts';
import type { Method } from './method.ts';
import { evaluateJob, finetuneJob, metaJob, wholeJobNetwork } from './whole.ts';

/**
 * Depth stacking (G_stack, Du et al., NeurIPS 2024): a shallow model is trained, stacked on itself until it is as deep as
 * the target, and trained on. The shallow model is the meta model of the division.
 */
export const gstack: Method = {
  divides: true,
  trainsModules: false,
  jobs(run) {
    modelCopies(run);
    const finetune = finetuneJob(run, ['meta']);
    return [metaJob(run), finetune, evaluateJob(run, finetune.id)];
  },
  network(job, run) {
    const whole = wholeJobNetwork(job, run);
    return job.kind === 'finetune' ? { ...whole, copies: modelCopies(run) } : whole;
  },
};
