import { traceCost } from '../engine/cost.ts';
import type { Engine } from '../engine/program.ts';
import type { JobNetwork } from '../methods/method.ts';
import { type createStepper, stepFlops, stepPrograms, stepSettings } from '../training/stepper.ts';
import { ChainState } from './chain-state.ts';
import type { StageSpec } from './messages.ts';

/** Several processes, each of which trains a module, as one engine and one stepper. */
export interface Chain {
  /** Its states lie in the processes, which begin with them; what it runs otherwise computes here, on copies. */
  readonly engine: Engine;
  readonly createStepper: typeof createStepper;
  /** Sum of the largest resident sets of the processes so far. */
  peakBytes(): number;
}

/**
 * Modules with losses of their own, each trained by a process of its own that does not wait for the others: decoupled greedy
 * learning (Belilovsky et al., ICML 2020), asynchronous. A step has ended when each module has done one; the first may be
 * ahead of the slowest by less steps than a replay buffer holds. With a buffer of one batch all is as in one process.
 *
 * @param engine what evaluates
 * @param onStep told of every step of every module
 */
export function openChain(engine: Engine, spec: StageSpec, trained: JobNetwork, onStep: () => void): Chain {
  const peaks = new Map<number, number>();
  const onStepped = (index: number, bytes: number) => {
    peaks.set(index, bytes);
    onStep();
  };
  return {
    engine: {
      name: engine.name,
      createState: (tensors) => new ChainState(tensors, spec, trained, onStepped),
      async compile(program) {
        const executable = await engine.compile(program);
        return {
          cost: executable.cost,
          run: async (state, feeds) => executable.run(await (state as ChainState).copyIn(engine), feeds),
          dispose: () => executable.dispose(),
        };
      },
    },
    async createStepper(_, source) {
      const settings = stepSettings(source);
      const costs = stepPrograms(settings).map(({ program }) => traceCost(program));
      return {
        flops: stepFlops(settings, costs),
        ahead: spec.config.method.replayBuffer - 1,
        overflowed: 0,
        step: (state, batch, step, lr) => (state as ChainState).step(batch, step, lr),
        dispose() {},
      };
    },
    peakBytes: () => [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0),
  };
}
