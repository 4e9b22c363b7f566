import type { RunConfig } from '../config/schema.ts';
import type { Program } from '../engine/program.ts';
import { evaluationContext } from '../models/forward.ts';
import type { Network, StatePart } from '../models/network.ts';
import { runNetwork } from '../models/run-network.ts';
import { taskOf } from '../tasks/task.ts';
import { layoutsOf, namedParameters, parameterSpecs } from './network-layouts.ts';

/**
 * Evaluation of one batch: the task's sums over it.
 *
 * @param parts whose tensors the state holds, where they are more than the network's
 */
export function evaluateProgram(
  name: string,
  network: Network,
  config: RunConfig,
  batch: number,
  parts: readonly StatePart[] = network,
): Program {
  const layouts = layoutsOf(parts);
  const task = taskOf(config);
  return {
    name: `evaluate(${name})`,
    state: parameterSpecs(layouts),
    feeds: task.evaluationFeeds(batch),
    body(state, feeds) {
      const parameters = namedParameters(layouts, state);
      const sums = task.evaluate(feeds, (input) => runNetwork(network, input, parameters, () => evaluationContext));
      return { state: {}, outputs: { ...sums } };
    },
  };
}
