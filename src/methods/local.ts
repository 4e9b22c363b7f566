import { countMacs } from '../models/architecture.ts';
import type { AuxiliaryKind } from '../models/auxiliary.ts';
import { targetSlice } from '../models/network.ts';
import { auxiliaryPart } from '../models/registry.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import { lambdasOf } from './lambdas.ts';
import type { Method, MethodRun } from './method.ts';
import { type LocalModule, type LocalObjective, type LocalTerm, statePartsOf } from './objective.ts';
import { evaluateJob, trainJob, wholeJobNetwork } from './whole.ts';

/** Length of the vectors that supervised contrast compares. */
const CONTRAST_SIZE = 128;

/** Greedy supervised learning: each module by the task's loss of a linear head of its own. */
export const greedy: Method = local((run, module) => [labelTerm(run, module, 'linear', 'task', 1)]);

/** Decoupled greedy learning (Belilovsky et al., ICML 2020), synchronous: the same with heads of several layers. */
export const dgl: Method = local((run, module) => [labelTerm(run, module, 'mlp-sr', 'task', 1)]);

/**
 * InfoPro (Wang et al., ICLR 2021): each module by λ1 times the reconstruction of the image from its features, plus λ2
 * times the loss of a head. What has no weight has no part.
 */
export const infopro: Method = local((run, module) => {
  const { infopro: settings } = run.config.method;
  const { reconstruction, label } = lambdasOf(settings, run.modules.length, module.index);
  const kind = settings.head === '1c2f' ? 'deep' : 'linear';
  const loss = settings.loss === 'contrast' ? 'contrast' : 'task';
  return [
    ...(reconstruction > 0 ? [reconstructionTerm(run, module, reconstruction)] : []),
    ...(label > 0 ? [labelTerm(run, module, kind, loss, label)] : []),
  ];
});

/** The whole model in one job, each module but the last by local losses. */
function local(termsOf: (run: MethodRun, module: ModulePlan) => readonly LocalTerm[]): Method {
  const objectiveOf = (run: MethodRun): LocalObjective => ({
    kind: 'local',
    modules: run.modules.map((module): LocalModule => {
      const isLast = module.index === run.modules.length - 1;
      return {
        network: targetSlice(run.target, run.modules, module.index),
        terms: isLast ? null : termsOf(run, module),
      };
    }),
  });
  return {
    divides: true,
    trainsModules: false,
    jobs(run) {
      const { modules } = objectiveOf(run);
      const { blocks } = run.target;
      const auxiliary = modules.flatMap(({ terms }) => terms ?? []).map(({ part }) => part.spec);
      const macs = auxiliary.reduce((sum, spec) => sum + spec.macs, 0);
      const layers = blocks.length * (1 + macs / countMacs(blocks));
      return [trainJob(layers), evaluateJob(run, 'train')];
    },
    network(job, run) {
      if (job.kind !== 'train') return wholeJobNetwork(job, run);
      const objective = objectiveOf(run);
      const network = objective.modules.flatMap((module) => module.network);
      return { network, objective, drawn: statePartsOf(network, objective), copies: new Map(), product: network };
    },
  };
}

/** On what a module gives: the loss of a head. */
function labelTerm(
  { target }: MethodRun,
  { index, to }: ModulePlan,
  kind: AuxiliaryKind,
  loss: 'task' | 'contrast',
  weight: number,
): LocalTerm {
  const outputs = loss === 'contrast' ? CONTRAST_SIZE : null;
  return { part: auxiliaryPart(target, { kind, name: `module-${index}.head`, block: to - 1, outputs }), loss, weight };
}

function reconstructionTerm({ target }: MethodRun, { index, to }: ModulePlan, weight: number): LocalTerm {
  const place = { kind: 'decoder', name: `module-${index}.decoder`, block: to - 1, outputs: null } as const;
  return { part: auxiliaryPart(target, place), loss: 'reconstruction', weight };
}
