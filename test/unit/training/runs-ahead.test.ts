import { describe, expect } from 'vitest';
import type { Engine } from '../../../src/engine/program.ts';
import { type TrainingObserver, train } from '../../../src/training/trainer.ts';
import { bytesOf, float32, type HostTensors } from '../../../src/util/tensor.ts';
import { tinyConfig, tinyTraining } from '../../support/tiny.ts';
import { torchTest } from '../../support/torch.ts';

/** The same engine, which notes when steps begin and end; the scale of pixels is no number in the step named. */
function noting(engine: Engine, notes: string[], faultyStep?: number): Engine {
  return {
    ...engine,
    async compile(program) {
      const executable = await engine.compile(program);
      if (!('learningRate' in program.feeds)) return executable;
      let steps = 0;
      return {
        ...executable,
        cost: executable.cost,
        async run(state, feeds) {
          const step = ++steps;
          notes.push(`${step} begins`);
          const rate = { learningRate: float32(Float32Array.of(Number.NaN), []) };
          const outputs = await executable.run(state, step === faultyStep ? { ...feeds, ...rate } : feeds);
          notes.push(`${step} ends`);
          return outputs;
        },
      };
    },
  };
}

/** Trains for two epochs of four steps, saving every third step, and stops before a step where one is named. */
async function trained(engine: Engine, { stopBefore }: { readonly stopBefore?: number } = {}) {
  const config = tinyConfig({ data: { shapes: { train: 32, validation: 8 } } });
  const { training, initial } = await tinyTraining(config);
  const losses: number[] = [];
  const saved: [number, string][] = [];
  let asked = 0;
  const digest = (tensors: HostTensors) =>
    Object.values(tensors)
      .map((tensor) => Buffer.from(bytesOf(tensor)).toString('base64'))
      .join();
  const observer: TrainingObserver = {
    compiled() {},
    step: ({ loss }) => void losses.push(loss),
    cold() {},
    epoch() {},
    saveDue: (step) => step % 3 === 0,
    save: async ({ parameters, progress }) => void saved.push([progress.step, digest(parameters)]),
    stopRequested: () => asked++ === stopBefore,
  };
  const outcome = await train(engine, training, async () => ({ initial, resumed: null }), observer);
  return { losses, saved, step: outcome.state.progress.step, weights: digest(outcome.state.parameters) };
}

describe('an engine that queues runs', () => {
  torchTest(
    'is told of a step before the loss of the one before has come, but for those after which is saved',
    async (engine) => {
      const notes: string[] = [];
      const found = await trained(noting(engine, notes));
      expect(notes.slice(0, 8)).toEqual([
        '1 begins',
        '2 begins',
        '1 ends',
        '3 begins',
        '2 ends',
        '3 ends',
        '4 begins',
        '4 ends',
      ]);
      const oneByOne: string[] = [];
      expect(await trained({ ...noting(engine, oneByOne), queuesRuns: false })).toEqual(found);
      expect(oneByOne.slice(0, 4)).toEqual(['1 begins', '1 ends', '2 begins', '2 ends']);
      expect(found.losses).toHaveLength(8);
      expect(found.saved.map(([step]) => step)).toEqual([3, 6]);
    },
  );

  torchTest('stops with the state after the last step that was told', async (engine) => {
    const found = await trained(engine, { stopBefore: 2 });
    expect(found).toEqual(await trained({ ...engine, queuesRuns: false }, { stopBefore: 2 }));
    expect(found).toMatchObject({ step: 2, saved: [[2, found.weights]] });
    expect(found.losses).toHaveLength(2);
  });

  torchTest('ends with the step whose loss is no number, though the next was told', async (engine) => {
    const notes: string[] = [];
    await expect(trained(noting(engine, notes, 4))).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: 'the loss of finetune is NaN at step 4 (epoch 2)',
    });
    expect(notes.slice(-4)).toEqual(['5 begins', '6 begins', '5 ends', '6 ends']);
  });
});
