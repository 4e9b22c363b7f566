import type { RunConfig } from '../config/schema.ts';
import type { Program } from '../engine/program.ts';
import type { Network } from '../models/network.ts';
import { runNetwork } from '../models/run-network.ts';
import { taskOf } from '../tasks/task.ts';
import { layoutsOf, namedParameters, parameterSpecs } from './network-layouts.ts';

/** Evaluation of one batch: the task's sums over it. */
export function evaluateProgram(name: string, network: Network, config: RunConfig, batch: number): Program {
  const layouts = layoutsOf(network);
  const task = taskOf(config);
  return {
    name: `evaluate(${name})`,
    state: parameterSpecs(layouts),
    feeds: task.evaluationFeeds(batch),
    body(state, feeds) {
      const parameters = namedParameters(layouts, state);
      const keepAll = () => ({ dropPath: <T>(residual: T) => residual });
      const sums = task.evaluate(feeds, (input) => runNetwork(network, input, parameters, keepAll));
      return { state: {}, outputs: { ...sums } };
    },
  };
}
