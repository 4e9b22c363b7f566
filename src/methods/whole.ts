import { type Architecture, countMacs, partsOf } from '../models/architecture.ts';
import { metaDepth, type Network, wholeNetwork } from '../models/network.ts';
import { metaArchitecture } from '../models/registry.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import type { JobDraft, JobName, JobNetwork, Method, MethodRun } from './method.ts';
import { taskObjective } from './objective.ts';

/*
 * Jobs that train a whole model by the task's loss, of which most methods have some.
 */

export function metaJob(run: MethodRun): JobDraft {
  return { id: 'meta', kind: 'meta', needs: [], cost: 3 * metaLayers(run, run.modules) };
}

/** @param needs jobs that together trained what it starts from */
export function finetuneJob({ target }: MethodRun, needs: readonly string[]): JobDraft {
  return { id: 'finetune', kind: 'finetune', needs, cost: 3 * target.blocks.length };
}

/** @param layers that are trained, in units of the model's mean block */
export function trainJob(layers: number): JobDraft {
  return { id: 'train', kind: 'train', needs: [], cost: 3 * layers };
}

export function evaluateJob({ target }: MethodRun, trained: string): JobDraft {
  return { id: 'evaluate', kind: 'evaluate', needs: [trained], cost: target.blocks.length };
}

/** The model trained end to end in one job. */
export const endToEnd: Method = {
  divides: false,
  trainsModules: false,
  jobs: (run) => [trainJob(run.target.blocks.length), evaluateJob(run, 'train')],
  network: wholeJobNetwork,
};

/** What all jobs but those of single modules train, unless the method has them otherwise. */
export function wholeJobNetwork({ id, kind }: JobName, run: MethodRun): JobNetwork {
  switch (kind) {
    case 'meta': {
      const network = wholeNetwork(metaOf(run), 'meta');
      return trained(network, network);
    }
    case 'train': {
      const network = wholeNetwork(run.target, 'target');
      return trained(network, network);
    }
    case 'finetune': {
      const { ends } = run.config.method;
      const network = wholeNetwork(run.target, 'target', ends === 'frozen' ? 'frozen' : 'trained');
      return { ...trained(network, []), copies: ends === 'own' ? new Map() : endsOfMeta(run.target) };
    }
    case 'evaluate':
      return trained(wholeNetwork(run.target, 'target'), []);
    case 'module':
      throw new RangeError(`the method has no job ${id}`);
  }
}

function trained(network: Network, drawn: Network): JobNetwork {
  return { network, objective: taskObjective, drawn, copies: new Map(), product: network };
}

/** The meta model's parameters that stem and head of the target begin with, by those. */
function endsOfMeta(target: Architecture): ReadonlyMap<string, string> {
  const ends = partsOf(target).filter(({ role }) => role !== 'block');
  return new Map(ends.flatMap(({ parameters }) => parameters.map(({ name }) => [name, `meta.${name}`] as const)));
}

export function metaOf({ config, target, modules }: MethodRun): Architecture {
  return metaArchitecture(target, modules, config.division.metaWidth);
}

/** Layers of the meta slices of some modules; narrower or wider ones count by their multiply-adds. */
export function metaLayers(run: MethodRun, modules: readonly ModulePlan[]): number {
  const ofWidth = (width: number) => countMacs(metaArchitecture(run.target, run.modules, width).blocks);
  const { metaWidth } = run.config.division;
  return metaDepth(modules) * (metaWidth === 1 ? 1 : ofWidth(metaWidth) / ofWidth(1));
}
