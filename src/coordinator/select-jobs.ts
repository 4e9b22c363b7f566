import type { JobPlan } from '../protocol/plan.ts';
import { IncubateError } from '../util/errors.ts';
import { suggestion } from '../util/nearest.ts';

/** The jobs of these names and all that they need, in the order of the plan; all jobs without names. Throws USAGE_JOB. */
export function selectJobs(jobs: readonly JobPlan[], names?: readonly string[]): readonly JobPlan[] {
  if (names === undefined) return jobs;
  const selected = new Set<string>();
  const select = (id: string): void => {
    const job = jobs.find((candidate) => candidate.id === id);
    if (!job) {
      const ids = jobs.map((candidate) => candidate.id);
      throw new IncubateError('USAGE_JOB', `the run has no job '${id}'`, { hint: suggestion(id, ids) });
    }
    selected.add(id);
    for (const need of job.needs) select(need);
  };
  for (const name of names) select(name);
  return jobs.filter((job) => selected.has(job.id));
}
