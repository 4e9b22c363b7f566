import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';
import { imageRuns } from '../support/image-runs.ts';
import { resultDocument, statusDocument } from '../support/json-documents.ts';
import { journalOf, killWorker, startCli } from '../support/run.ts';
import { type TinyRuns, tinyRuns } from '../support/tiny-run.ts';

let runs: TinyRuns;
beforeAll(() => {
  runs = tinyRuns();
});
afterAll(() => runs.remove());

/** Long enough for a job to be struck in the middle. */
const common = [
  'data.shapes.train=320',
  'phases.train.epochs=2',
  'phases.train.warmupEpochs=0',
  'phases.train.lr=2e-3',
].flatMap((setting) => ['--set', setting]);
const train = (run: string, settings: readonly string[]) => [
  ...runs.trainArguments(run, '--json', ...common),
  ...settings.flatMap((setting) => ['--set', setting]),
];

/** Settings of each method, the job to be struck, and what its result tells beside the final accuracy. */
const cases: readonly {
  readonly name: string;
  readonly settings: readonly string[];
  readonly struck: string;
  readonly metrics: readonly string[];
}[] = [
  {
    name: 'imitation',
    settings: ['method.imitation.loss=smooth-l1'],
    struck: 'module-1',
    metrics: ['meta', 'modules', 'cold'],
  },
  { name: 'e2e', settings: [], struck: 'train', metrics: [] },
  {
    name: 'infopro',
    settings: ['method.infopro.loss=contrast', 'training.mixup=0', 'method.infopro.label=[1,1]'],
    struck: 'train',
    metrics: [],
  },
  { name: 'dgl', settings: ['phases.train.clip=0.5'], struck: 'train', metrics: [] },
  { name: 'greedy', settings: ['training.recompute=true'], struck: 'train', metrics: [] },
  { name: 'gstack', settings: [], struck: 'finetune', metrics: ['meta', 'cold'] },
  {
    name: 'incubation',
    settings: [
      'method.downstream=trained',
      'method.moduleData=disjoint',
      'method.initialise=meta',
      'phases.incubate.epochs=4',
    ],
    struck: 'module-0',
    metrics: ['meta', 'modules', 'cold'],
  },
];

/** The others with all faults only. */
const isTried = (name: string) => thorough || name === 'infopro';
/** What has jobs or parts of no other method; e2e/train-text sweeps over `e2e`. */
const isRun = (name: string) => thorough || !['e2e', 'greedy', 'dgl'].includes(name);

describe.each(cases.filter(({ name }) => isRun(name)))(
  'incubate train --method $name',
  ({ name, settings, struck, metrics }) => {
    const method = [`method.name=${name}`, ...settings];
    let weights: string;

    it('ends with a result, and weights of the model alone', async () => {
      const { stdout, stderr, exitCode } = await runCli(train(`whole-${name}`, method));
      expect(exitCode, stderr).toBe(0);
      const result = resultDocument.parse(JSON.parse(stdout));
      expect(result.method).toBe(name);
      expect(Object.keys(result.metrics).sort()).toEqual(['final', ...metrics].sort());
      weights = result.weights.sha256;
      const names = Object.keys((await readSafetensors(result.weights.path)).tensors);
      expect(names).toEqual(expect.arrayContaining(['cls_token', 'blocks.3.mlp.fc2.bias', 'head.weight']));
      expect(names.filter((tensor) => /^(?:meta|auxiliary)\./.test(tensor))).toEqual([]);
    });

    it.runIf(isTried(name))('is planned, shown and evaluated', async () => {
      const plan = await runCli(['plan', ...train('', method).slice(1, 3), '--method', name, '--json']);
      expect(JSON.parse(plan.stdout)).toMatchObject({ method: name, cost: { flopsOfEndToEnd: expect.any(Number) } });
      const status = await runCli(['status', runs.runDirectory(`whole-${name}`), '--json']);
      expect(statusDocument.parse(JSON.parse(status.stdout)).status).toBe('completed');
      const evaluation = await runCli(['eval', runs.runDirectory(`whole-${name}`), '--json']);
      const result = JSON.parse(await readFile(join(runs.runDirectory(`whole-${name}`), 'result.json'), 'utf8'));
      expect(JSON.parse(evaluation.stdout).top1).toBe(result.metrics.final.top1);
      const again = await runCli(['resume', runs.runDirectory(`whole-${name}`)]);
      expect(again.exitCode).toBe(0);
      expect(again.stdout).toContain(name);
    });

    it.runIf(isTried(name))(`ends with the same weights after the worker of ${struck} was killed`, async () => {
      const run = `killed-${name}`;
      const child = startCli(train(run, method));
      await killWorker(runs.runDirectory(run), struck);
      const { stdout, exitCode } = await child;
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout).weights.sha256).toBe(weights);
      const events = await journalOf(runs.runDirectory(run));
      expect(events.some((event) => event.type === 'resumed' && event.job === struck)).toBe(true);
    });
  },
);

it.runIf(thorough)('modules with images of their own have the same ones from a loader', async () => {
  const images = await imageRuns();
  try {
    const weights = async (run: string, ...settings: readonly string[]) => {
      const all = ['method.moduleData=disjoint', 'phases.incubate.epochs=2', ...settings];
      const args = images.trainArguments(run, ...all.flatMap((setting) => ['--set', setting]));
      const { stdout, stderr, exitCode } = await runCli(args);
      expect(exitCode, stderr).toBe(0);
      const events = await journalOf(images.runDirectory(run));
      return [JSON.parse(stdout).weights.sha256, events.some(({ type }) => type === 'loader-started')];
    };
    const [alone, without] = await weights('alone', 'data.sharing=off');
    const [shared, loader] = await weights('shared', 'data.sharing=images', 'devices.slots=2');
    expect([without, loader]).toEqual([false, true]);
    expect(shared).toBe(alone);
  } finally {
    await images.remove();
  }
});
