import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEagerEngine } from '../../../src/engine/eager-engine.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { Engine } from '../../../src/engine/program.ts';
import type { WorkerMessage } from '../../../src/protocol/messages.ts';
import { createStepper } from '../../../src/training/stepper.ts';
import { train } from '../../../src/training/trainer.ts';
import { initialState, type TrainingState } from '../../../src/training/training-state.ts';
import { bytesOf, float32, type HostTensor, type HostTensors } from '../../../src/util/tensor.ts';
import { findTraining, type SavedTraining, saveTraining } from '../../../src/worker/checkpoints.ts';
import { trainWithRollbacks } from '../../../src/worker/rollbacks.ts';
import { jobs, tinyConfig, tinyFamilies, tinyJob, tinySamples, tinyTraining } from '../../support/tiny.ts';

type Policy = { onNonFinite: 'fail' | 'skip' | 'rollback'; nonFiniteLimit?: number };

const onnx = () => createOnnxEngine({ threads: 1 });

function configWith(execution: Policy, training: object = {}, model: object = {}) {
  const config = tinyConfig({
    model,
    training: { mixup: 0.8, ...training },
    data: { shapes: { train: 64, validation: 16 } },
    phases: { incubate: { epochs: 2, lr: 1e-3, warmupEpochs: 0, dropPath: 0.2 } },
  });
  return { ...config, execution: { ...config.execution, ...execution } };
}

/**
 * An engine that computes a program's chosen runs, counted from 1 over all compilations, with a weight of pixels, or of
 * residual branches, that is no number, as a device with a fault might.
 */
function faulty(engine: Engine, isFaulty: (run: number) => boolean): Engine {
  let runs = 0;
  return {
    ...engine,
    async compile(program) {
      const executable = await engine.compile(program);
      const feed = ['mixPixels', 'dropPath'].find((name) => name in program.feeds);
      if (feed === undefined) return executable;
      return {
        ...executable,
        cost: executable.cost,
        run(state, feeds) {
          runs += 1;
          const { data, shape } = feeds[feed] as HostTensor<'float32'>;
          const broken = {
            ...feeds,
            [feed]: float32(
              data.map(() => Number.NaN),
              shape,
            ),
          };
          return executable.run(state, isFaulty(runs) ? broken : feeds);
        },
      };
    },
  };
}

const hash = (tensors: HostTensors) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, Buffer.from(bytesOf(tensor)).toString('base64')]),
  );

describe.each(tinyFamilies.flatMap(([family, model]) => [1, 2].map((accumulate) => ({ family, model, accumulate }))))(
  'a step of a $family in $accumulate micro-batches whose loss is no number',
  ({ model, accumulate }) => {
    it.each(['cpu', 'tfjs-cpu'])(
      'changes nothing, to the last bit, and the steps after it are as without it: %s',
      async (name) => {
        const job = tinyJob(jobs.middle, configWith({ onNonFinite: 'skip' }, { accumulate }, model));
        const engine = name === 'cpu' ? onnx() : await createEagerEngine('cpu');
        const names = ['parameters', 'm', 'v', ...(job.layouts.statistics.size > 0 ? ['statistics'] : [])];
        /** Takes some batches; `skip` names those in which something is no number. */
        const run = async (batches: readonly number[], skip: readonly number[]) => {
          const isFaulty = (run: number) => skip.includes(batches[Math.floor((run - 1) / accumulate)] as number);
          const stepper = await createStepper(faulty(engine, isFaulty), job);
          const state = engine.createState(initialState(job.layouts, job.initial, job.config.training));
          let skipped = 0;
          for (const batch of batches) {
            const before = hash(await state.read(names));
            // The masks of a batch are keyed by its number, the optimiser's clock by the steps that were taken.
            const passed = batch - batches.indexOf(batch);
            const loss = await stepper.step(state, tinySamples(job.config, batch), batch, 1e-3, skipped + passed);
            expect(Number.isNaN(loss)).toBe(skip.includes(batch));
            const after = hash(await state.read(names));
            for (const key of names)
              expect(after[key] === before[key], `${key} after ${batch}`).toBe(skip.includes(batch));
            if (skip.includes(batch)) skipped += 1;
          }
          return hash(await state.read(names));
        };
        expect(await run([0, 1, 2, 3, 4], [1, 3])).toEqual(await run([0, 2, 4], []));
      },
    );
  },
);

it('a gradient that is no number is skipped where the loss is one', async () => {
  const job = tinyJob(jobs.finetune, configWith({ onNonFinite: 'skip' }, { mixup: 0 }));
  const engine = onnx();
  // Weights so large that the gradient's norm overflows, while logits that saturate keep the loss finite.
  const initial = { ...job.initial };
  for (const [name, tensor] of Object.entries(initial))
    if (name === 'head.weight')
      initial[name] = float32(
        (tensor.data as Float32Array).map((value) => value * 1e30),
        tensor.shape,
      );
  const stepper = await createStepper(engine, job);
  const state = engine.createState(initialState(job.layouts, initial, job.config.training));
  const before = hash(await state.read());
  expect(await stepper.step(state, tinySamples(job.config, 0), 0, 1e-3)).toBeNaN();
  expect(hash(await state.read())).toEqual(before);
});

describe('a training', () => {
  async function trainingOf(execution: Policy, isFaulty: (run: number) => boolean, everySteps = 3) {
    const config = configWith(execution);
    const { training, initial } = await tinyTraining(config);
    const root = await mkdtemp(join(tmpdir(), 'incubate non-finite '));
    const skips: object[] = [];
    const losses: number[] = [];
    const told: WorkerMessage[] = [];
    const engine = faulty(onnx(), isFaulty);
    const observer = {
      compiled() {},
      step: ({ loss }: { loss: number }) => void losses.push(loss),
      skipped: (details: object) => void skips.push(details),
      cold() {},
      epoch: ({ loss }: { loss: number }) => expect(loss).toBeGreaterThan(0),
      saveDue: (step: number) => step % everySteps === 0,
      save: async (state: TrainingState, score: number | null) => void (await saveTraining(root, state, 2, { score })),
      stopRequested: () => false,
    };
    const run = async (saved: SavedTraining | null = null) =>
      trainWithRollbacks(
        config.execution,
        (from, rollbacks) => {
          const start = async () => ({ initial, resumed: (await from?.read()) ?? null });
          return train(engine, { ...training, rollbacks }, start, observer);
        },
        {
          saved,
          reload: async () => (await findTraining(root)).saved,
          tell: async (message) => void told.push(message),
        },
      );
    return { run, root, skips, losses, told };
  }

  it('fails naming job, step and loss, and the checkpoint before stays', async () => {
    const { run, root } = await trainingOf({ onNonFinite: 'fail' }, (step) => step === 6);
    await expect(run()).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: 'the loss of finetune is NaN at step 5 (epoch 1)',
      hint: expect.stringContaining('execution.onNonFinite'),
    });
    expect(await readdir(root)).toEqual(['step-00000003']);
    expect((await findTraining(root)).saved?.progress.step).toBe(3);
  });

  it('skips steps, counts them, and leaves them out of the mean loss', async () => {
    const { run, skips, losses } = await trainingOf({ onNonFinite: 'skip' }, (step) => [2, 3, 12].includes(step));
    const { finished, state } = await run();
    expect(finished).toBe(true);
    expect(skips).toEqual([
      { step: 1, loss: Number.NaN, skipped: 1 },
      { step: 2, loss: Number.NaN, skipped: 2 },
      { step: 11, loss: Number.NaN, skipped: 3 },
    ]);
    expect(state.progress).toMatchObject({ step: 16, skipped: 3, skippedInEpoch: 0, skippedInRow: 0 });
    expect(losses.filter(Number.isFinite)).toHaveLength(13);
  });

  it('skips no more steps in a row than the limit, also over a resume', async () => {
    const isFaulty = (step: number) => step >= 5;
    const { run, root } = await trainingOf({ onNonFinite: 'skip', nonFiniteLimit: 3 }, isFaulty);
    const message = 'the loss of finetune is NaN at step 7 (epoch 1), and the 3 steps before it were skipped';
    await expect(run()).rejects.toMatchObject({ code: 'TRAINING_DIVERGED', message });
    const { saved } = await findTraining(root);
    expect(saved?.progress).toMatchObject({ step: 6, skipped: 2, skippedInRow: 2 });
    await expect(run(saved)).rejects.toMatchObject({ message });
  });

  it('goes back to the last checkpoint, and on with the data in another order', async () => {
    const { run, told, losses } = await trainingOf({ onNonFinite: 'rollback' }, (step) => step === 6);
    const { finished, state } = await run();
    expect(finished).toBe(true);
    expect(told).toEqual([
      { type: 'rolled-back', step: 3, reason: 'the loss of finetune is NaN at step 5 (epoch 1)', rollbacks: 1 },
    ]);
    expect(state.progress).toMatchObject({ step: 16, rollbacks: 1, skipped: 0 });
    const plain = await trainingOf({ onNonFinite: 'fail' }, () => false);
    await plain.run();
    // Steps 0 to 4, then 3 to 15 over other batches; the next epoch has another order too.
    expect(losses).toHaveLength(5 + 13);
    expect(losses.slice(0, 5)).toEqual(plain.losses.slice(0, 5));
    expect(losses[5]).not.toBe(plain.losses[3]);
    const again = await trainingOf({ onNonFinite: 'rollback' }, (step) => step === 6);
    expect(hash((await again.run()).state.parameters)).toEqual(hash(state.parameters));
  });

  it('goes back to its beginning where nothing was saved, and only so often', async () => {
    const { run, told } = await trainingOf({ onNonFinite: 'rollback', nonFiniteLimit: 2 }, (step) => step % 2 === 0);
    await expect(run()).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: 'the loss of finetune is NaN at step 1 (epoch 1), after 2 returns to a checkpoint',
    });
    expect(told.map((message) => message.type === 'rolled-back' && [message.step, message.rollbacks])).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it('never saves what is not finite', async () => {
    const { run, root, skips } = await trainingOf({ onNonFinite: 'skip' }, () => false, 1);
    const { state } = await (await trainingOf({ onNonFinite: 'fail' }, () => false)).run();
    const [[name, { data, shape }]] = Object.entries(state.parameters) as [[string, HostTensor<'float32'>]];
    const parameters = {
      ...state.parameters,
      [name]: float32(
        data.map(() => Number.POSITIVE_INFINITY),
        shape,
      ),
    };
    const progress = { ...state.progress, step: 4 };
    const saved = { progress, read: async () => ({ ...state, parameters, progress }) };
    await expect(run(saved)).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: `${name} of finetune is not finite after 5 steps`,
    });
    expect(skips).toHaveLength(1);
    await expect(readdir(root)).resolves.toEqual([]);
  });
});
