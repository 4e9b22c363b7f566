import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../../config/schema.ts';
import type { Program, Tensors } from '../../engine/program.ts';
import { evaluationContext } from '../../models/forward.ts';
import { metaModules, type Network } from '../../models/network.ts';
import { runNetwork } from '../../models/run-network.ts';
import type { ModulePlan } from '../../protocol/plan.ts';
import { taskOf } from '../../tasks/task.ts';
import { layoutsOf, type NetworkLayouts, namedParameters, parameterSpecs } from '../network-layouts.ts';

/** A network that was assembled from modules, and the meta model in which they were trained. */
export interface Assembly {
  readonly modules: readonly ModulePlan[];
  /** All of it of the target. */
  readonly assembled: Network;
  /** All of it of the meta model; its slices give what the modules give, in the same shapes. */
  readonly meta: Network;
}

/** The vectors of both networks in one state: the assembly's as when it is trained, the meta model's frozen. */
export function assemblyLayouts({ assembled, meta }: Assembly): NetworkLayouts {
  return layoutsOf([...assembled, ...meta.map((part) => ({ ...part, trainable: false, mode: 'eval' as const }))]);
}

/**
 * What both networks give at each interface between modules for a batch of images. Of interface i, per sample: `norms.i`
 * [3, B] has the norm in the assembly, the norm in the meta model and that of their difference; `assembled.i` and `meta.i`
 * [B, C] have the features themselves, averaged over all axes but the first and the last.
 */
export function diagnosticsProgram(name: string, assembly: Assembly, config: RunConfig, batch: number): Program {
  const layouts = assemblyLayouts(assembly);
  const task = taskOf(config);
  return {
    name: `diagnose(${name})`,
    state: parameterSpecs(layouts),
    feeds: task.evaluationFeeds(batch),
    body(state, feeds) {
      const parameters = namedParameters(layouts, state);
      let outputs: Tensors = {};
      // An evaluation knows what the stem takes; how well the assembly does is known already.
      task.evaluate(feeds, (input) => {
        const [logits, compared] = compare(assembly, input, parameters);
        outputs = compared;
        return logits;
      });
      return { state: {}, outputs };
    },
  };
}

/** What the assembly's head gives, and the outputs of the program. */
function compare(
  { modules, assembled, meta }: Assembly,
  input: tf.Tensor,
  parameters: Tensors,
): readonly [logits: tf.Tensor, outputs: Tensors] {
  const ours = moduleOutputs(assembled, modules, input, parameters);
  const reference = moduleOutputs(meta, metaModules(modules), input, parameters);
  const outputs = ours.slice(0, -1).map((features, index): Tensors => {
    const other = reference[index] as tf.Tensor;
    return {
      [`norms.${index}`]: tf.stack([norms(features), norms(other), norms(tf.sub(features, other))]),
      [`assembled.${index}`]: averaged(features),
      [`meta.${index}`]: averaged(other),
    };
  });
  return [ours.at(-1) as tf.Tensor, Object.assign({}, ...outputs)];
}

/** What every module gives: to the next, [B, ..., C], and the last as the head does. */
function moduleOutputs(
  network: Network,
  modules: readonly ModulePlan[],
  input: tf.Tensor,
  parameters: Tensors,
): tf.Tensor[] {
  let features = input;
  let begin = 0;
  return modules.map(({ to }, index) => {
    // The stem is the network's first part, before block 0, and the head its last.
    const end = index === modules.length - 1 ? network.length : to + 1;
    features = runNetwork(network.slice(begin, end), features, parameters, () => evaluationContext);
    begin = end;
    return features;
  });
}

/** Euclidean norm of each sample's features, [B]. */
function norms(features: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(features), axesFrom(1, features.rank)));
}

function averaged(features: tf.Tensor): tf.Tensor {
  return features.rank === 2 ? features : tf.mean(features, axesFrom(1, features.rank - 1));
}

function axesFrom(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, at) => first + at);
}
