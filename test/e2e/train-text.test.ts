import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import { runCli } from '../support/cli.ts';
import { thorough } from '../support/faults.ts';
import {
  comparisonDocument,
  evalDocument,
  planDocument,
  resultDocument,
  textInspectionDocument,
} from '../support/json-documents.ts';
import { journalOf, killWorker, startCli, untilEvent } from '../support/run.ts';

const recipe = (model: string, more = '') => `
model: { name: ${model}, width: 12, depth: 4, context: 16 }
division: { modules: 2 }
method: { ends: frozen }
data: { format: text, vocabulary: 300 }
training: { batchSize: 8, referenceBatch: null, labelSmoothing: 0 }
phases:
  meta: { epochs: 3, lr: 1.0e-2, warmupEpochs: 0.1, clip: 1 }
  incubate: { epochs: 2, lr: 1.0e-2, warmupEpochs: 0, dropPath: 0.1 }
  finetune: { epochs: 2, lr: 5.0e-3, dropPath: 0.1 }
devices: { gpus: none, slots: 2, threads: 2 }
execution: { retryDelay: 0.1, stopGrace: 10 }
${more}`;

/** Sentences of a small grammar, so that there is something to learn. */
function prose(sentences: number): string {
  const pick = (words: readonly string[], at: number) => words[(at * 7919) % words.length];
  return Array.from({ length: sentences }, (_, at) => {
    const [noun, verb] = [
      pick(['licensee', 'author', 'reader', 'holder', 'work'], at),
      pick(['may copy', 'owns', 'shall keep'], at + 1),
    ];
    return `The ${noun} ${verb} the ${pick(['work', 'text', 'notice'], at + 2)}${at % 11 === 0 ? ' — größtenteils' : ''}.`;
  }).join('\n');
}

let folder: string;
let text: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate e2e text '));
  text = join(folder, 'some texts');
  await mkdir(join(text, 'more'), { recursive: true });
  await writeFile(join(text, 'a.txt'), prose(120));
  await writeFile(join(text, 'more/b.md'), prose(60).replaceAll('\n', '\r\n'));
  config = join(folder, 'text.yaml');
  await writeFile(config, recipe('gpt-nano'));
});
afterAll(() => rm(folder, { recursive: true }));

const runs = () => join(folder, 'runs');
const trainArguments = (run: string) => [
  'train',
  '--config',
  config,
  '--data',
  text,
  '--runs-dir',
  runs(),
  '--run',
  run,
  '--json',
];

/** The uninterrupted run that interrupted ones are compared with. */
let reference: { weights: { path: string; sha256: string }; metrics: { final: { loss: number; perplexity: number } } };

describe('incubate with text', () => {
  it('shows what it is', async () => {
    const { stdout, exitCode } = await runCli([
      'data',
      'inspect',
      text,
      '--format',
      'text',
      '--vocabulary',
      '300',
      '--json',
    ]);
    expect(exitCode).toBe(0);
    const found = textInspectionDocument.parse(JSON.parse(stdout));
    expect(found).toMatchObject({ files: 2, vocabulary: 300, problems: [] });
    expect(found.tokens.train).toBeLessThan(found.bytes.train / 2);
    const plain = await runCli(['data', 'inspect', text, '--format', 'text']);
    expect(plain.stdout).toMatch(/vocabulary {3}256, of which \d+ do not occur/);
  });

  it('plans it: tokens, sequences, ends that no module brings', async () => {
    const { stdout, exitCode } = await runCli(['plan', '--config', config, '--data', text, '--json']);
    expect(exitCode).toBe(0);
    const { model, modules, jobs, data } = planDocument.parse(JSON.parse(stdout));
    expect(data).toMatchObject({ classes: [], tokens: { vocabulary: 300 } });
    const trained = Object.fromEntries(jobs.map(({ id, trained }) => [id, trained]));
    expect(trained['module-0']).toBe(modules[0]?.parameters);
    expect((trained['module-0'] as number) + (trained['module-1'] as number)).toBe(trained.finetune);
    const ends = 300 * 12 + 16 * 12 + 2 * 12 + 300 * 12;
    expect(model.parameters).toBe((trained.finetune as number) + ends);
    expect(jobs.find(({ id }) => id === 'finetune')?.needs).toEqual(['meta', 'module-0', 'module-1']);
  });

  it('trains it through all phases, and tells its perplexity', async () => {
    const { stdout, stderr, exitCode } = await runCli(trainArguments('reference'));
    expect(exitCode, stderr).toBe(0);
    const { metrics } = resultDocument.parse(JSON.parse(stdout));
    reference = JSON.parse(stdout);
    expect(metrics.final.perplexity).toBeCloseTo(Math.exp(metrics.final.loss), 6);
    // Something was learnt: no guess is as bad as one among all tokens, or among those that there are.
    expect(metrics.final.perplexity).toBeLessThan(60);
    expect(stderr).toMatch(/tokens of 300/);
    expect(stderr).toMatch(/epoch 3\/3 {2}loss [\d.]+ {2}perplexity [\d.]+/);
    const status = await runCli(['status', 'reference', '--runs-dir', runs()]);
    expect(status.stdout).toMatch(/loss +top-1 +perplexity/);
  });

  it('writes weights with the names of GPT-2, whose ends are those of the meta model', async () => {
    const { tensors } = await readSafetensors(reference.weights.path);
    expect(tensors).toMatchObject({
      'wte.weight': { shape: [300, 12] },
      'wpe.weight': { shape: [16, 12] },
      'h.3.attn.c_attn.weight': { shape: [12, 36] },
      'h.3.mlp.c_proj.bias': { shape: [12] },
      'ln_f.weight': { shape: [12] },
      'lm_head.weight': { shape: [300, 12] },
    });
    expect(Object.keys(tensors).filter((name) => name.startsWith('meta.'))).toEqual([]);
    const meta = (await readSafetensors(join(runs(), 'reference/jobs/meta/weights.safetensors'))).tensors;
    for (const name of ['wte.weight', 'wpe.weight', 'ln_f.weight', 'lm_head.weight'])
      expect(tensors[name]?.data).toEqual(meta[`meta.${name}`]?.data);
    const first = (await readSafetensors(join(runs(), 'reference/jobs/module-0/weights.safetensors'))).tensors;
    expect(Object.keys(first).some((name) => name.startsWith('wte'))).toBe(false);
  });

  it.runIf(thorough)('goes on after a worker was killed, with the same weights to the last bit', async () => {
    const cli = startCli(trainArguments('killed'));
    await untilEvent(
      join(runs(), 'killed'),
      (event) => event.type === 'checkpoint' && 'job' in event && event.job === 'module-1',
    );
    await killWorker(join(runs(), 'killed'), 'module-1');
    const { stdout, exitCode } = await cli;
    expect(exitCode).toBe(0);
    expect(JSON.parse(String(stdout)).weights.sha256).toBe(reference.weights.sha256);
    const events = await journalOf(join(runs(), 'killed'));
    expect(events.some(({ type }) => type === 'resumed')).toBe(true);
  });

  it('evaluates it, also on other text, with the tokenizer that the run has kept', async () => {
    const own = await runCli(['eval', 'reference', '--runs-dir', runs(), '--json']);
    const document = evalDocument.parse(JSON.parse(own.stdout));
    expect(document.perplexity).toBeCloseTo(reference.metrics.final.perplexity, 4);
    expect(document).toMatchObject({ vocabulary: 300 });
    const other = join(folder, 'other.txt');
    await writeFile(other, 'Quite another text, of which 1 2 3 4 5 6 7 8 9 is the end.\n'.repeat(9));
    const more = evalDocument.parse(
      JSON.parse((await runCli(['eval', 'reference', '--runs-dir', runs(), '--data', other, '--json'])).stdout),
    );
    expect(more.vocabulary).toBe(300);
    expect(more.perplexity).toBeGreaterThan(document.perplexity as number);
    expect((await runCli(['eval', 'reference', '--runs-dir', runs()])).stdout).toMatch(
      /tokens of 300\nmetrics {2}perplexity [\d.]+, top-1 /,
    );
  });

  it.runIf(thorough)('refuses to go on with another text, or a damaged tokenizer', async () => {
    const cli = startCli(trainArguments('changed'));
    await untilEvent(join(runs(), 'changed'), ({ type }) => type === 'compiled');
    cli.kill('SIGTERM');
    await cli;
    await cp(text, join(folder, 'kept'), { recursive: true });
    await writeFile(join(text, 'a.txt'), (await readFile(join(text, 'a.txt'), 'utf8')).replace('licensee', 'Licensee'));
    const resume = () => runCli(['resume', 'changed', '--runs-dir', runs()]);
    expect((await resume()).stderr).toMatch(/other contents, file names or sizes[\s\S]*DATA_CHANGED/);
    await rm(text, { recursive: true });
    await rename(join(folder, 'kept'), text);
    const tokenizer = join(runs(), 'changed/tokenizer.json');
    const content = await readFile(tokenizer, 'utf8');
    await writeFile(tokenizer, content.slice(0, 900));
    expect((await resume()).stderr).toMatch(/DATA_TOKENIZER/);
    await writeFile(tokenizer, content);
    expect((await resume()).exitCode).toBe(0);
  });

  it('refuses models of images', async () => {
    const { stderr } = await runCli(['plan', '--config', config, '--data', text, '--model', 'vit-tiny']);
    expect(stderr).toMatch(
      /vision transformers such as vit-tiny read images, but data.format is text[\s\S]*CONFIG_MODEL/,
    );
  });
});

/** Of the two recurrent networks one, and both with all faults. */
it.each(thorough ? ['lstm', 'gru'] : ['lstm'])('trains a recurrent network: %s', async (model) => {
  const path = join(folder, `${model}.yaml`);
  const settings = [
    ['vocabulary: 300', 'vocabulary: 256'],
    ['frozen', 'meta'],
    ['depth: 4, context: 16', 'depth: 2, context: 8'],
  ] as const;
  await writeFile(
    path,
    settings.reduce((text, [from, to]) => text.replace(from, to), recipe(model)),
  );
  const { stdout, stderr, exitCode } = await runCli([
    'train',
    '--config',
    path,
    '--data',
    text,
    '--runs-dir',
    runs(),
    '--run',
    model,
    '--json',
  ]);
  expect(exitCode, stderr).toBe(0);
  const { metrics, weights } = resultDocument.parse(JSON.parse(stdout));
  expect(metrics.final.perplexity).toBeLessThan(20);
  const { tensors } = await readSafetensors(weights.path);
  // Fine-tuning began with the meta model's ends, and has moved them.
  const meta = (await readSafetensors(join(runs(), model, 'jobs/meta/weights.safetensors'))).tensors;
  expect(tensors['encoder.weight']?.data).not.toEqual(meta['meta.encoder.weight']?.data);
  expect(tensors).toMatchObject({
    'encoder.weight': { shape: [256, 12] },
    'rnn.1.weight_hh_l0': {},
    'decoder.bias': { shape: [256] },
  });
});

it('is compared by its perplexity', async () => {
  const args = ['compare', 'reference', 'lstm', '--runs-dir', runs()];
  const { rows, measure } = comparisonDocument.parse(JSON.parse((await runCli([...args, '--json'])).stdout));
  expect(measure).toBe('perplexity');
  expect(rows.map(({ model }) => model)).toEqual([expect.stringMatching(/^gpt-nano/), expect.stringMatching(/^lstm/)]);
  const { final } = reference.metrics;
  expect(rows[0]?.figures).toMatchObject({ perplexity: { mean: final.perplexity }, loss: { mean: final.loss } });
  expect(rows[0]?.figures.coldPerplexity?.mean).toBeGreaterThan(1);
  expect(rows[0]?.interfaces).toHaveLength(1);
  const { stdout } = await runCli([...args, '--plot', join(folder, 'plots')]);
  expect(stdout.split('\n')[0]).toMatch(/ n +perplexity +cold perplexity +time/);
  expect(await readdir(join(folder, 'plots'))).toContain('perplexity-convergence.svg');
});

it('is swept over, with means of perplexities, also by losses of modules’ own in processes of their own', async () => {
  const settings = [
    'phases.train.epochs=1',
    'phases.train.warmupEpochs=0',
    'phases.train.lr=1e-2',
    'method.updates=asynchronous',
  ];
  const { stdout, stderr, exitCode } = await runCli([
    'sweep',
    '--config',
    config,
    '--data',
    text,
    '--runs-dir',
    runs(),
    ...['--vary', 'method.name=e2e,infopro', '--vary', 'seed=0,1'],
    ...settings.flatMap((setting) => ['--set', setting]),
  ]);
  expect(exitCode, stderr).toBe(0);
  const [head, ...rows] = stdout.split('\n');
  expect(head).toMatch(/^method +model +n +perplexity +time/);
  expect(rows[0]).toMatch(/^e2e +gpt-nano +2 +[\d.]+ ± [\d.]+/);
  expect(rows[1]).toMatch(/^infopro +gpt-nano +2 +[\d.]+ ± [\d.]+/);
});
