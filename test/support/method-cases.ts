import { goesWithText, localCases } from './local-cases.ts';
import { fullStep, type Job, jobs, tinyConfig, tinyGpt, tinyJob, tinyLstm, tinyResnet, trainJob } from './tiny.ts';

/** A job of each method that trains by something of its own, with what a step may hold. */
export interface MethodCase {
  readonly name: string;
  readonly job: Job;
  readonly method: object;
  /** Contrast has no mixed images. */
  readonly mixed: boolean;
}

export const methodCases: readonly MethodCase[] = [
  { name: 'e2e', job: trainJob, method: { name: 'e2e' }, mixed: true },
  ...localCases.map(({ name, method }) => ({ name, job: trainJob, method, mixed: !name.includes('contrast') })),
  { name: 'imitation', job: jobs.middle, method: { name: 'imitation' }, mixed: true },
  {
    name: 'imitation of logits',
    job: jobs.last,
    method: { name: 'imitation', imitation: { loss: 'cosine' } },
    mixed: true,
  },
  { name: 'incubation', job: jobs.middle, method: {}, mixed: true },
  { name: 'incubation, downstream trained', job: jobs.middle, method: { downstream: 'trained' }, mixed: true },
];

export const methodFamilies: readonly (readonly [string, object])[] = [
  ['vision transformer', {}],
  // AdamW makes whole steps of gradients that are nothing but rounding; a larger epsilon damps them.
  ['residual network', tinyResnet],
];

/** Those of text, by methods that have parts or losses of their own there. */
export const textMethodCases = [['decoder', tinyGpt] as const, ['recurrent network', tinyLstm] as const].flatMap(
  ([family, model]) =>
    methodCases
      .filter((method) => goesWithText(method) && /^(?:dgl|infopro)/.test(method.name))
      .map((method) => ({ ...method, mixed: false, family, model })),
);

export function methodJob({ job, method, mixed }: MethodCase, model: object, training: object = {}) {
  const mixing = mixed ? fullStep.training : {};
  return tinyJob(
    job,
    tinyConfig({
      model,
      method,
      training: { ...mixing, eps: 1e-3, frozenSlices: 'eval', ...training },
      phases: fullStep.phases,
    }),
  );
}
