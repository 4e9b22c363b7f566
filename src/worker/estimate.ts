import { peakProcessBytes, traceCost } from '../engine/cost.ts';
import { statePartsOf } from '../methods/objective.ts';
import { parameterCounts } from '../models/network.ts';
import type { EstimateRequest, JobEstimate } from '../protocol/estimate.ts';
import { phaseOf } from '../protocol/plan.ts';
import { evaluateProgram } from '../training/evaluate-program.ts';
import { jobNetwork } from '../training/phases.ts';
import { stepFlops, stepPrograms, stepSettings } from '../training/stepper.ts';

/** What each job's step costs, read off its traced graph; nothing is computed. */
export function estimate({ config, modules, jobs, outputs }: EstimateRequest): JobEstimate[] {
  return jobs.map((job) => {
    const { network, objective } = jobNetwork(job, modules, config, outputs);
    const counts = parameterCounts(statePartsOf(network, objective));
    const phase = phaseOf[job.kind];
    if (phase === null) {
      const cost = traceCost(evaluateProgram(job.id, network, config, config.training.batchSize));
      return {
        job: job.id,
        trained: 0,
        frozen: counts.trained,
        flopsPerStep: cost.flops,
        peakBytes: peakProcessBytes(cost),
        stateBytes: cost.stateBytes,
      };
    }
    const settings = stepSettings({ name: job.id, network, objective, phase: config.phases[phase], config });
    const costs = stepPrograms(settings).map(({ program }) => traceCost(program));
    const stateBytes = Math.max(...costs.map((cost) => cost.stateBytes));
    return {
      job: job.id,
      ...counts,
      flopsPerStep: stepFlops(settings, costs),
      peakBytes: Math.max(...costs.map(peakProcessBytes)),
      stateBytes,
    };
  });
}
