import type { RunConfig } from '../config/schema.ts';
import { hybridNetwork, type Mode, metaSlice, type Network, wholeNetwork } from '../models/network.ts';
import { hasStatistics } from '../models/registry.ts';
import type { ModulePlan } from '../protocol/plan.ts';
import { sliceCopies } from './copies.ts';
import type { JobDraft, JobName, JobNetwork, Method, MethodRun } from './method.ts';
import { type Objective, taskObjective } from './objective.ts';
import { evaluateJob, finetuneJob, metaJob, metaLayers, metaOf, wholeJobNetwork } from './whole.ts';

/**
 * Deep Incubation (Ni et al., ICCV 2023): a meta model is trained, each module learns in the place of its slice by the
 * task's loss, and the assembled modules are fine-tuned.
 */
export const incubation: Method = modular({
  cost(run, module) {
    const downstream = run.config.method.downstream === 'trained' ? 3 : 2;
    return (
      3 * (module.to - module.from) +
      downstream * metaLayers(run, run.modules.slice(module.index + 1)) +
      metaLayers(run, run.modules.slice(0, module.index))
    );
  },
  modeBehind: ({ config }) => frozenMode(config),
  objective: () => taskObjective,
});

/** The same, but each module learns to give what its slice of the meta model gives. */
export const imitation: Method = modular({
  cost: (run, module) => 3 * (module.to - module.from) + metaLayers(run, run.modules.slice(0, module.index + 1)),
  // Only evaluations come that far.
  modeBehind: () => 'eval',
  objective: (run, { index }, network) => ({
    kind: 'imitation',
    upstream: network.slice(
      0,
      network.findIndex(({ origin }) => origin === 'target'),
    ),
    module: network.filter(({ origin }) => origin === 'target'),
    slice: metaSlice(metaOf(run), run.modules, index).filter(
      ({ spec }) => spec.role === 'block' || run.config.method.ends === 'own',
    ),
    loss: run.config.method.imitation.loss,
  }),
});

/**
 * The mode of frozen slices. What a module gives while it is incubated has not the scale that the running statistics of the
 * slices behind it are for (docs/results/resnet56.md).
 *
 * @throws CONFIG_MODEL where nobody knows the model
 */
export function frozenMode({ training, method, model }: RunConfig): Mode {
  return training.frozenSlices ?? (method.name === 'incubation' && hasStatistics(model) ? 'train' : 'eval');
}

/** How the jobs of single modules differ. */
interface ModuleTraining {
  /** Layer units per image. */
  cost(run: MethodRun, module: ModulePlan): number;
  /** The mode of what is frozen behind the module. */
  modeBehind(run: MethodRun): Mode;
  objective(run: MethodRun, module: ModulePlan, network: Network): Objective;
}

function modular(training: ModuleTraining): Method {
  return {
    divides: true,
    trainsModules: true,
    jobs(run) {
      const modules = run.modules.map((module): JobDraft => {
        copiesOf(run, module);
        return {
          id: `module-${module.index}`,
          kind: 'module',
          module: module.index,
          needs: ['meta'],
          cost: training.cost(run, module),
        };
      });
      const meta = metaJob(run);
      // The meta model's weights too: the assembly is compared with them.
      const finetune = finetuneJob(
        run,
        [meta, ...modules].map(({ id }) => id),
      );
      return [meta, ...modules, finetune, evaluateJob(run, finetune.id)];
    },
    network(job, run) {
      if (job.kind === 'module') return moduleNetwork(job, run, training);
      return job.kind === 'finetune' ? finetuneNetwork(job, run) : wholeJobNetwork(job, run);
    },
  };
}

function moduleNetwork({ id, module: index = -1 }: JobName, run: MethodRun, training: ModuleTraining): JobNetwork {
  const module = run.modules[index];
  if (!module) throw new RangeError(`job ${id} names no module`);
  const { target, modules, config } = run;
  const { downstream, ends } = config.method;
  const network = hybridNetwork(target, metaOf(run), modules, index, {
    downstream,
    ends: ends === 'own' ? 'own' : 'meta',
    modes: { before: frozenMode(config), after: training.modeBehind(run) },
  });
  const own = network.filter(({ origin }) => origin === 'target');
  const objective = training.objective(run, module, network);
  return { network, objective, drawn: own, copies: copiesOf(run, module), product: own };
}

/** The assembly. Stem and head that no module has begin as the meta model's, and are trained or not. */
function finetuneNetwork(job: JobName, run: MethodRun): JobNetwork {
  const { target, config } = run;
  const { ends } = config.method;
  const whole = wholeJobNetwork(job, run);
  if (ends === 'own') return whole;
  const network = wholeNetwork(target, 'target', ends === 'frozen' ? frozenMode(config) : undefined);
  const copies = [target.stem, target.head]
    .flatMap(({ parameters }) => parameters)
    .map(({ name }): [string, string] => [name, `meta.${name}`]);
  return { ...whole, network, product: network, copies: new Map(copies) };
}

/** Throws CONFIG_DIVISION where a block has none in the meta slice that it could begin as. */
function copiesOf(run: MethodRun, { index }: ModulePlan): ReadonlyMap<string, string> {
  if (run.config.method.initialise === 'random') return new Map();
  return sliceCopies(run, index);
}
