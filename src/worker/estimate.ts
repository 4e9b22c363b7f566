import { peakProcessBytes, traceCost } from '../engine/cost.ts';
import type { EstimateRequest, JobEstimate } from '../protocol/estimate.ts';
import { evaluateProgram } from '../training/evaluate-program.ts';
import { jobNetwork } from '../training/phases.ts';
import { stepFlops, stepPrograms, stepSettings } from '../training/stepper.ts';
import { layoutsOf } from '../training/train-programs.ts';

/** What each job's step costs, read off its traced graph; nothing is computed. */
export function estimate({ config, modules, jobs, classes }: EstimateRequest): JobEstimate[] {
  return jobs.map((job) => {
    const { network, phase } = jobNetwork(job, modules, config, classes);
    const layouts = layoutsOf(network);
    if (phase === null) {
      const cost = traceCost(evaluateProgram(job.id, network, config, config.training.batchSize));
      return {
        job: job.id,
        trained: 0,
        frozen: layouts.trained.size,
        flopsPerStep: cost.flops,
        peakBytes: peakProcessBytes(cost),
        stateBytes: cost.stateBytes,
      };
    }
    const settings = stepSettings({ name: job.id, network, phase: config.phases[phase], config }, classes);
    const costs = stepPrograms(settings).map(({ program }) => traceCost(program));
    const stateBytes = Math.max(...costs.map((cost) => cost.stateBytes));
    return {
      job: job.id,
      trained: layouts.trained.size,
      frozen: layouts.frozen.size,
      flopsPerStep: stepFlops(settings, costs),
      peakBytes: Math.max(...costs.map(peakProcessBytes)),
      stateBytes,
    };
  });
}
