import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';
import { journalOf, killWorker, startCli, untilEvent } from '../support/run.ts';

/** Seconds of training in all. The first module spans a transition, and its meta slice is one block. */
const recipe = `
model: { name: resnet-20, width: 4, depth: 6, imageSize: 16 }
division: { modules: 2, depths: [3, 3] }
data: { source: shapes, padding: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], shapes: { train: 256, validation: 50 } }
training: { batchSize: 32, referenceBatch: null, mixup: 0.2, cutmix: 0 }
phases:
  meta: { epochs: 3, lr: 5.0e-3, warmupEpochs: 1, clip: 1 }
  incubate: { epochs: 3, lr: 5.0e-3, warmupEpochs: 0, dropPath: 0.1 }
  finetune: { epochs: 3, lr: 2.0e-3, dropPath: 0.1 }
devices: { gpus: none, slots: 2, threads: 2 }
execution: { retryDelay: 0.1, stopGrace: 10 }
`;

let folder: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate e2e resnet '));
  config = join(folder, 'tiny.yaml');
  await writeFile(config, recipe);
});
afterAll(() => rm(folder, { recursive: true }));

const runs = () => join(folder, 'runs');
const trainArguments = (run: string) => ['train', '--config', config, '--runs-dir', runs(), '--run', run, '--json'];

/** The uninterrupted run that interrupted ones are compared with. */
let reference: { weights: { path: string; sha256: string }; metrics: { final: { top1: number; loss: number } } };

describe('incubate with a residual network', () => {
  it('plans it: parameters without statistics, meta slices of one block', async () => {
    const { stdout, exitCode } = await runCli(['plan', '--config', config, '--json']);
    expect(exitCode).toBe(0);
    const { model, modules, jobs } = JSON.parse(stdout);
    expect(modules).toMatchObject([
      { from: 0, to: 3, metaDepth: 1 },
      { from: 3, to: 6, metaDepth: 1 },
    ]);
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(modules.map(({ parameters }: { parameters: number }) => parameters))).toBe(model.parameters);
    const trained = Object.fromEntries(jobs.map((job: { id: string; trained: number }) => [job.id, job.trained]));
    expect(trained.finetune).toBe(model.parameters);
    expect(trained['module-0'] + trained['module-1']).toBe(model.parameters);
  });

  it('trains it through all phases', async () => {
    const { stdout, stderr, exitCode } = await runCli(trainArguments('reference'));
    expect(exitCode, stderr).toBe(0);
    reference = JSON.parse(stdout);
    expect(Number.isFinite(reference.metrics.final.loss)).toBe(true);
  });

  it('writes weights and statistics under the names of torchvision, and a checkpoint with both', async () => {
    const { tensors } = await readSafetensors(reference.weights.path);
    expect(tensors).toMatchObject({
      'conv1.weight': { shape: [4, 3, 3, 3] },
      'bn1.running_mean': { shape: [4] },
      'layer2.0.downsample.0.weight': { shape: [8, 4, 1, 1] },
      'layer3.1.bn2.running_var': { shape: [16] },
      'fc.bias': { shape: [10] },
    });
    expect(Object.keys(tensors).filter((name) => name.startsWith('meta.'))).toEqual([]);
    // Every module's statistics have moved from 0 and 1.
    for (const name of ['bn1.running_mean', 'layer3.1.bn2.running_var'])
      expect([...(tensors[name]?.data ?? [])].every((value) => value !== 0 && value !== 1)).toBe(true);
    const checkpoint = join(runs(), 'reference/jobs/module-1/checkpoints/step-00000024');
    const statistics = Object.keys((await readSafetensors(join(checkpoint, 'statistics.safetensors'))).tensors);
    const parameters = Object.keys((await readSafetensors(join(checkpoint, 'parameters.safetensors'))).tensors);
    expect(statistics).toContain('layer3.0.bn1.running_mean');
    // Those of the frozen slice follow the batches too, and end with the job.
    expect(statistics).toContain('meta.bn1.running_mean');
    expect(parameters.some((name) => statistics.includes(name) || name.startsWith('meta.'))).toBe(false);
    const own = statistics.filter((name) => !name.startsWith('meta.'));
    const written = (await readSafetensors(join(runs(), 'reference/jobs/module-1/weights.safetensors'))).tensors;
    expect(Object.keys(written).sort()).toEqual([...parameters, ...own].sort());
  });

  it('evaluates its weights by their running statistics', async () => {
    const evaluation = await runCli(['eval', 'reference', '--runs-dir', runs(), '--json']);
    expect(JSON.parse(evaluation.stdout)).toMatchObject({ top1: reference.metrics.final.top1, images: 50 });
    const file = await runCli(['eval', reference.weights.path, '--config', config, '--json']);
    expect(JSON.parse(file.stdout)).toMatchObject({ top1: reference.metrics.final.top1, images: 50 });
  });

  it('keeps what training moved of frozen ends: their statistics', async () => {
    const short = ['meta', 'incubate', 'finetune'].flatMap((phase) => ['--set', `phases.${phase}.epochs=1`]);
    const { exitCode } = await runCli([...trainArguments('frozen ends'), '--set', 'method.ends=frozen', ...short]);
    expect(exitCode).toBe(0);
    const tensorsOf = async (job: string) =>
      (await readSafetensors(join(runs(), 'frozen ends/jobs', job, 'weights.safetensors'))).tensors;
    const [meta, final] = [await tensorsOf('meta'), await tensorsOf('finetune')];
    expect(final['conv1.weight']).toEqual(meta['meta.conv1.weight']);
    expect(final['bn1.running_mean']).not.toEqual(meta['meta.bn1.running_mean']);
    // The first as training had them, the second as they are on disk.
    const metricsOf = async (job: string) =>
      JSON.parse(await readFile(join(runs(), 'frozen ends/jobs', job, 'result.json'), 'utf8')).metrics;
    expect((await metricsOf('evaluate')).top1).toBeGreaterThan(0);
    expect(await metricsOf('finetune')).toEqual(await metricsOf('evaluate'));
  });

  it('refuses the settings of a vision transformer, naming them and the way out', async () => {
    const { exitCode, stderr } = await runCli(['plan', '--config', config, '--set', 'model.heads=2']);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/model\.heads[\s\S]*null[\s\S]*CONFIG_MODEL/);
  });
});

it.runIf(thorough).each(['meta', 'module-0', 'finetune'])(
  'after a kill -9 of the worker of %s the weights are the same',
  async (job) => {
    const name = `killed-${job}`;
    const child = startCli(trainArguments(name));
    await killWorker(join(runs(), name), job);
    const { stdout, exitCode } = await child;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
    const events = await journalOf(join(runs(), name));
    expect(events.some((event) => event.type === 'resumed' && event.job === job)).toBe(true);
  },
);

it.runIf(thorough)('after a kill -9 of the coordinator, resume ends with the same weights', async () => {
  const child = startCli(trainArguments('orphaned'));
  await untilEvent(join(runs(), 'orphaned'), (event) => event.type === 'checkpoint' && event.job === 'module-1');
  child.kill('SIGKILL');
  await child;
  const { stdout, exitCode } = await runCli(['resume', 'orphaned', '--runs-dir', runs(), '--json']);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
  const log = await readFile(join(runs(), 'orphaned/journal.ndjson'), 'utf8');
  expect(log).toContain('"resumed"');
});
