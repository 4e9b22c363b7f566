import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Precision } from '../../../src/config/precision.ts';
import { openDataset } from '../../../src/data/open.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import type { EngineState } from '../../../src/engine/program.ts';
import { divide } from '../../../src/models/divide.ts';
import { initialise } from '../../../src/models/initialise.ts';
import { networkParameters } from '../../../src/models/network.ts';
import { describeModel } from '../../../src/models/registry.ts';
import { taskOf } from '../../../src/tasks/task.ts';
import { initialLossScaling, type LossScaling } from '../../../src/training/loss-scaling.ts';
import { microBatchRows, selectRows } from '../../../src/training/micro-batches.ts';
import { jobNetwork } from '../../../src/training/phases.ts';
import { createStepper, stepPrograms, stepSettings } from '../../../src/training/stepper.ts';
import { train } from '../../../src/training/trainer.ts';
import { initialState } from '../../../src/training/training-state.ts';
import { float32, type HostTensor, type HostTensors, sizeOf } from '../../../src/util/tensor.ts';
import { findTraining, saveTraining } from '../../../src/worker/checkpoints.ts';
import { thorough } from '../../support/faults.ts';
import {
  jobs,
  runSteps,
  type TinyJob,
  tinyConfig,
  tinyFamilies,
  tinyJob,
  tinyResnet,
  tinySamples,
} from '../../support/tiny.ts';

const emulated = () => createOnnxEngine({ threads: 1, emulate: true });
const scalar = (value: number) => float32(Float32Array.of(value), []);
const numberOf = (tensors: HostTensors, name: string) => tensors[name]?.data[0] as number;

function tiny(precision: Precision, training: object = {}, model: object = {}): TinyJob {
  return tinyJob(jobs.finetune, tinyConfig({ model, training: { precision, ...training } }));
}

function stateOf({ layouts, initial, config }: TinyJob, scaling: LossScaling): HostTensors {
  const training = { ...config.training, precision: 'fp16' } as const;
  return { ...initialState(layouts, initial, training), ...initialLossScaling(scaling) };
}

/** Runs whole steps with a scaling of one's own; calls back with the state after each. */
async function runScaled(
  job: TinyJob,
  scaling: LossScaling,
  steps: number,
  after: (tensors: Record<string, HostTensor>, state: EngineState) => void,
) {
  const engine = emulated();
  const settings = { ...stepSettings(job), lossScaling: scaling };
  const { batchSize, accumulate } = job.config.training;
  const state = engine.createState(stateOf(job, scaling));
  const [gradient, apply] = await Promise.all(stepPrograms(settings).map(({ program }) => engine.compile(program)));
  for (let step = 0; step < steps; step++) {
    const batch = tinySamples(job.config, step);
    for (let index = 0; index < accumulate; index++) {
      const rows = microBatchRows(batchSize, accumulate, index);
      const feeds = taskOf(job.config).drawFeeds(selectRows(batch, rows), { seed: 0, stream: job.name, step });
      const carry = scalar(index === 0 ? 0 : 1);
      await gradient?.run(state, { ...feeds, ...(apply ? { carry } : { learningRate: scalar(1e-3) }) });
    }
    await apply?.run(state, { learningRate: scalar(1e-3) });
    after((await state.read()) as Record<string, HostTensor>, state);
  }
}

const usual: LossScaling = { initial: 2 ** 16, growth: 2, backoff: 0.5, interval: 2000 };
const bytesOf = (tensor: HostTensor | undefined) => Buffer.from(tensor?.data.buffer as ArrayBuffer);

/** Of transformers and networks with statistics all is tried, of others one job with what is theirs. */
const isOther = (model: object) => !thorough && model !== tinyFamilies[0]?.[1] && model !== tinyResnet;

const cases = tinyFamilies.flatMap(([family, model], index) =>
  (thorough || index === 0 ? [1, 2] : isOther(model) ? [] : [2]).map((accumulate) => ({ family, model, accumulate })),
);

describe.each(cases)('loss scaling of a $family with $accumulate micro-batches', ({ model, accumulate }) => {
  it('skips a step that overflows, to the last bit, and halves the scale', async () => {
    const job = tiny('fp16', { accumulate }, model);
    const statistics = job.layouts.statistics.size > 0 ? ['statistics'] : [];
    const trained = ['parameters', ...statistics, 'm', 'v', 'biasCorrection1', 'biasCorrection2'];
    const initial = 2 ** 40;
    let before: HostTensors = stateOf(job, { ...usual, initial });
    let [scale, skipped, taken] = [initial, 0, 0];
    await runScaled(job, { ...usual, initial }, 40, (tensors) => {
      const overflowed = numberOf(tensors, 'lossScale') === scale / 2;
      if (overflowed) {
        for (const name of trained) expect(bytesOf(tensors[name]).equals(bytesOf(before[name])), name).toBe(true);
        expect(numberOf(tensors, 'goodSteps')).toBe(0);
        skipped++;
      } else {
        // Infinities that an earlier micro-batch left behind are forgotten.
        expect(numberOf(tensors, 'lossScale')).toBe(scale);
        for (const name of trained) expect(bytesOf(tensors[name]).equals(bytesOf(before[name])), name).toBe(false);
        for (const name of trained) expect(tensors[name]?.data.every(Number.isFinite), name).toBe(true);
        taken++;
      }
      scale = numberOf(tensors, 'lossScale');
      before = structuredClone(tensors) as HostTensors;
    });
    expect(skipped).toBeGreaterThan(10);
    expect(taken).toBeGreaterThan(10);
    // Corrections count the steps that were taken.
    expect(numberOf(before, 'biasCorrection1')).toBeCloseTo(1 - 0.9 ** taken, 6);
    expect(numberOf(before, 'biasCorrection2')).toBeCloseTo(1 - 0.999 ** taken, 6);
  });

  it('counts the steps that it skips', async () => {
    const job = tiny('fp16', { accumulate }, model);
    const engine = emulated();
    const state = engine.createState(stateOf(job, { ...usual, initial: 2 ** 28 }));
    const stepper = await createStepper(engine, job);
    let [scale, halved] = [2 ** 28, 0];
    for (let step = 0; step < 20; step++) {
      await stepper.step(state, tinySamples(job.config, step), step, 1e-3);
      const next = numberOf(await state.read(), 'lossScale');
      if (next < scale) halved++;
      scale = next;
      expect(stepper.overflowed).toBe(halved);
    }
    expect(halved).toBeGreaterThan(5);
    expect(halved).toBeLessThan(20);
    stepper.dispose();
    state.dispose();
  });

  it('doubles the scale after so many good steps', async () => {
    const scales: number[] = [];
    const counts: number[] = [];
    const scaling = { ...usual, initial: 4, interval: 3 };
    await runScaled(tiny('fp16', { accumulate }, model), scaling, 7, (tensors) => {
      scales.push(numberOf(tensors, 'lossScale'));
      counts.push(numberOf(tensors, 'goodSteps'));
    });
    expect(scales).toEqual([4, 4, 8, 8, 8, 16, 16]);
    expect(counts).toEqual([1, 2, 0, 1, 2, 0, 1]);
  });

  it('changes nothing but roundings where all is float32', async () => {
    const job = tiny('fp32', { accumulate }, model);
    const { tensors: expected } = await runSteps(emulated(), job, 5);
    let found: HostTensors = {};
    await runScaled(job, usual, 5, (tensors) => {
      found = tensors;
    });
    for (const name of ['parameters', 'm', 'v'] as const) {
      const [one, other] = [found[name]?.data ?? [], expected[name]?.data ?? []] as const;
      const difference = Math.hypot(...other.map((value, index) => value - (one[index] as number)));
      expect(difference, name).toBeLessThan(1e-5 * Math.hypot(...other));
      expect(difference, name).toBeGreaterThan(0);
    }
  });
});

it('gives up where no scale is small enough', async () => {
  const job = tiny('fp16');
  const [[name, { shape }]] = Object.entries(job.initial) as [[string, HostTensor]];
  const initial = { ...job.initial, [name]: float32(new Float32Array(sizeOf(shape)).fill(Number.NaN), shape) };
  const engine = emulated();
  const state = engine.createState(stateOf({ ...job, initial }, { ...usual, initial: 2 ** -13 }));
  const stepper = await createStepper(engine, job);
  const run = async () => {
    for (let step = 0; step < 4; step++) await stepper.step(state, tinySamples(job.config, step), step, 1e-3);
  };
  await expect(run()).rejects.toMatchObject({ code: 'TRAINING_DIVERGED', hint: expect.stringContaining('bf16') });
});

const reduced = tinyFamilies.flatMap(([family, model]) =>
  (['fp16', 'bf16'] as const).map((precision) => ({ family, model, precision })),
);

describe.each(reduced)('training of a $family in $precision', ({ model, precision }) => {
  it.each(isOther(model) ? [jobs.middle] : Object.values(jobs))('stays near float32: $id', async (job) => {
    const run = (chosen: Precision) =>
      runSteps(emulated(), tinyJob(job, tinyConfig({ model, training: { precision: chosen } })), 12);
    const [expected, found] = [await run('fp32'), await run(precision)];
    const tolerance = precision === 'fp16' ? 2e-3 : 2e-2;
    for (const [step, loss] of expected.losses.entries())
      expect(Math.abs((found.losses[step] as number) / loss - 1)).toBeLessThan(tolerance);
    expect(found.losses).not.toEqual(expected.losses);
    expect(found.tensors.frozen?.data).toEqual(expected.tensors.frozen?.data);
  });

  it('converges as float32 does', async () => {
    const config = (chosen: Precision) =>
      tinyConfig({ model: { ...model, imageSize: 16, depth: 3 }, training: { precision: chosen, labelSmoothing: 0 } });
    const losses: Partial<Record<Precision, number>> = {};
    for (const chosen of ['fp32', precision] as const) {
      const job = tinyJob(jobs.finetune, config(chosen));
      const engine = emulated();
      const state = engine.createState({
        ...stateOf(job, usual),
      });
      const stepper = await createStepper(engine, job);
      let loss = Number.NaN;
      for (let step = 0; step < 150; step++)
        loss = await stepper.step(state, tinySamples(job.config, step % 4), step, 3e-3);
      losses[chosen] = loss;
    }
    // Chance is ln 5, and the four batches are learnt by heart.
    expect(losses.fp32).toBeLessThan(0.1);
    expect(Math.abs((losses[precision] as number) - (losses.fp32 as number))).toBeLessThan(0.02);
  });
});

describe.each([
  { family: 'vision transformer', model: {}, precision: 'fp16', accumulate: 1 },
  { family: 'residual network', model: tinyResnet, precision: 'fp32', accumulate: 1 },
  { family: 'residual network', model: tinyResnet, precision: 'fp16', accumulate: 2 },
])('a training of a $family in $precision that was stopped', ({ model, precision, accumulate }) => {
  const config = tinyConfig({
    model,
    training: { precision, accumulate, batchSize: 16 },
    data: { shapes: { train: 128, validation: 32 } },
  });
  const quiet = { compiled() {}, step() {}, cold() {}, epoch() {}, saveDue: () => false };

  it('goes on from its checkpoint as if it had not been, scale and statistics included', async () => {
    const dataset = await openDataset(config);
    const classes = dataset.identity.classes.length;
    const { network } = jobNetwork(
      jobs.finetune,
      divide(describeModel(config.model, classes).blockCosts, config.division),
      config,
      classes,
    );
    const initial = initialise(networkParameters(network, true), 1, 'target');
    const start = async () => ({ initial, resumed: null });
    const phase = { ...config.phases.finetune, epochs: 2, lr: 1e-2 };
    const training = { name: 'finetune', network, phase, config, dataset, evaluateCold: false };
    const root = await mkdtemp(join(tmpdir(), 'incubate scaling '));
    const save = async (state: Parameters<typeof saveTraining>[1]) => void (await saveTraining(root, state, 2));

    const whole = await train(emulated(), training, start, { ...quiet, save, stopRequested: () => false });
    let steps = 0;
    const stopping = { ...quiet, save, stopRequested: () => steps++ === 5 };
    const part = await train(emulated(), training, start, stopping);
    expect(part.finished).toBe(false);
    const resumed = (await (await findTraining(root)).saved?.read()) ?? null;
    expect(resumed?.progress.step).toBe(5);
    if (precision === 'fp16') expect(numberOf(resumed?.scaling ?? {}, 'goodSteps')).toBe(5);
    const rest = await train(emulated(), training, async () => ({ initial, resumed }), {
      ...quiet,
      save,
      stopRequested: () => false,
    });

    expect(rest.finished).toBe(true);
    const { seconds: _, ...progress } = rest.state.progress;
    expect(whole.state.progress).toMatchObject(progress);
    const scaling = ['biasCorrection1', 'biasCorrection2', 'goodSteps', 'lossScale'];
    expect(Object.keys(rest.state.scaling).sort()).toEqual(precision === 'fp16' ? scaling : []);
    const statistics = model === tinyResnet ? 2 * (1 + 6 * 2 + 2) : 0;
    expect(Object.keys(rest.state.statistics)).toHaveLength(statistics);
    expect(Object.keys(resumed?.statistics ?? {})).toHaveLength(statistics);
    for (const name of ['parameters', 'statistics', 'm', 'v', 'scaling'] as const)
      expect(rest.state[name]).toEqual(whole.state[name]);
  });
});
