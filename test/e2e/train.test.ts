import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';
import { journalOf, killWorker, startCli, untilEvent } from '../support/run.ts';

/** Seconds of training in all: four modules of two blocks on small images. */
const recipe = `
model: { name: vit-tiny, width: 32, depth: 8, heads: 2, patch: 4, imageSize: 16 }
data: { source: shapes, padding: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], shapes: { train: 512, validation: 100 } }
training: { batchSize: 32, referenceBatch: null, mixup: 0.2, cutmix: 0 }
phases:
  meta: { epochs: 2, lr: 2.0e-3, warmupEpochs: 1, clip: 1 }
  incubate: { epochs: 2, lr: 2.0e-3, warmupEpochs: 0, dropPath: 0.1 }
  finetune: { epochs: 2, lr: 1.0e-3, dropPath: 0.1 }
devices: { gpus: none, slots: 2, threads: 2 }
execution: { retryDelay: 0.1, stopGrace: 10 }
`;

let folder: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate e2e 🐣 '));
  config = join(folder, 'tiny recipe.yaml');
  await writeFile(config, recipe);
});
afterAll(() => rm(folder, { recursive: true }));

const runs = () => join(folder, 'runs');
const trainArguments = (run: string, ...more: string[]) => [
  'train',
  '--config',
  config,
  '--runs-dir',
  runs(),
  '--run',
  run,
  ...more,
];
const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

/** The uninterrupted run that interrupted ones are compared with. */
let reference: { weights: { path: string; sha256: string } } & Record<string, unknown>;

describe('incubate train', () => {
  it('grows a network and prints its result as one JSON document', async () => {
    const { stdout, exitCode } = await runCli(trainArguments('reference', '--json'));
    expect(exitCode).toBe(0);
    reference = JSON.parse(stdout);
    expect(reference).toMatchObject({
      status: 'completed',
      metrics: {
        meta: { top1: expect.any(Number) },
        modules: Array(4).fill({ top1: expect.any(Number), top5: expect.any(Number), loss: expect.any(Number) }),
        cold: { top1: expect.any(Number) },
        final: { top1: expect.any(Number), top5: expect.any(Number), loss: expect.any(Number) },
      },
      seconds: expect.any(Number),
    });
    expect(JSON.parse(await readFile(join(runs(), 'reference', 'result.json'), 'utf8'))).toEqual(reference);
    expect(await sha256(reference.weights.path)).toBe(reference.weights.sha256);
  });

  it('assembles the final weights under the whole network’s names', async () => {
    const { tensors } = await readSafetensors(reference.weights.path);
    const names = Object.keys(tensors);
    expect(names).toEqual(
      expect.arrayContaining([
        'cls_token',
        'pos_embed',
        'blocks.0.attn.qkv.weight',
        'blocks.7.mlp.fc2.bias',
        'head.weight',
      ]),
    );
    expect(names.filter((name) => name.startsWith('meta.'))).toEqual([]);
  });

  it('journals every job once, modules after the meta model and fine-tuning after the modules', async () => {
    const events = await journalOf(join(runs(), 'reference'));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => (events[0]?.seq ?? 0) + index));
    const completed = events.filter(({ type }) => type === 'job-completed').map(({ job }) => job as string);
    expect([...completed].sort()).toEqual([
      'evaluate',
      'finetune',
      'meta',
      'module-0',
      'module-1',
      'module-2',
      'module-3',
    ]);
    expect(completed[0]).toBe('meta');
    expect(completed.slice(-2)).toEqual(['finetune', 'evaluate']);
  });

  it.runIf(thorough)('gives the same weights again, with one module at a time', async () => {
    const { stdout } = await runCli(trainArguments('again', '--json', '--set', 'devices.slots=1'));
    expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
  });

  it('refuses the name of a run with other settings, names them and leaves the run alone', async () => {
    const { exitCode, stderr, stdout } = await runCli(trainArguments('reference', '--seed', '7'));
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/reference.*in use.*\n {2}seed: 0 → 7\n/);
    expect(stdout).toBe('');
  });

  it('gives the result of a run of the same settings again, and computes nothing', async () => {
    const events = await journalOf(join(runs(), 'reference'));
    const { stdout, exitCode } = await runCli(trainArguments('reference', '--json'));
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(reference);
    expect(await journalOf(join(runs(), 'reference'))).toEqual(events);
  });

  it('resumes a completed run by printing its result', async () => {
    const { stdout, exitCode } = await runCli(['resume', 'reference', '--runs-dir', runs(), '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(reference);
  });

  it('shows its status and evaluates its weights', async () => {
    const status = await runCli(['status', 'reference', '--runs-dir', runs(), '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ status: 'completed' });
    const evaluation = await runCli(['eval', 'reference', '--runs-dir', runs(), '--json']);
    const final = (reference.metrics as { final: { top1: number; loss: number } }).final;
    expect(JSON.parse(evaluation.stdout)).toMatchObject({ top1: final.top1, images: 100 });
  });
});

describe('after a kill -9', () => {
  it.runIf(thorough).each(['meta', 'module-2'])(
    'of the worker of %s the run ends with the same weights',
    async (job) => {
      const name = `killed-${job}`;
      const child = startCli(trainArguments(name, '--json'));
      // In the middle of an epoch, after a checkpoint: work is lost and must be repeated bit for bit.
      await killWorker(join(runs(), name), job);
      const { stdout, exitCode } = await child;
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
      const events = await journalOf(join(runs(), name));
      expect(events.filter((event) => event.type === 'job-started' && event.job === job)).toHaveLength(2);
      expect(events.some((event) => event.type === 'resumed' && event.job === job)).toBe(true);
    },
  );

  // That a run goes on after its coordinator was killed, with the same weights, e2e/coordinator/loader shows too.
  it.runIf(thorough).each(['module-1', 'finetune'])(
    'of the coordinator during %s, resume ends with the same weights',
    async (job) => {
      const name = `orphaned-${job}`;
      const child = startCli(trainArguments(name));
      await untilEvent(join(runs(), name), (event) => event.type === 'checkpoint' && event.job === job);
      child.kill('SIGKILL');
      await child;
      const before = await journalOf(join(runs(), name));
      const { stdout, exitCode } = await runCli(['resume', name, '--runs-dir', runs(), '--json']);
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
      const after = await journalOf(join(runs(), name));
      const finished = before.filter(({ type }) => type === 'job-completed').map((event) => event.job);
      const restarted = after
        .slice(before.length)
        .filter(({ type }) => type === 'job-started')
        .map((event) => event.job);
      for (const once of finished) expect(restarted).not.toContain(once);
    },
  );
});

describe('Ctrl-C', () => {
  // As of a smaller run in e2e/coordinator/policies.
  it.runIf(thorough)('saves, exits with 130, and resume ends with the same weights', async () => {
    const child = startCli(trainArguments('stopped'));
    await untilEvent(join(runs(), 'stopped'), (event) => event.type === 'compiled' && event.job === 'module-0');
    child.kill('SIGINT');
    expect((await child).exitCode).toBe(130);
    const { stdout } = await runCli(['resume', 'stopped', '--runs-dir', runs(), '--json']);
    expect(JSON.parse(stdout).weights.sha256).toBe(reference.weights.sha256);
  });
});
