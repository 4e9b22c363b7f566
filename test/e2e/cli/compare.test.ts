import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSmallRun, smallConfig, smallRecord } from '../../fixtures/run.ts';
import { callCli, runCli } from '../../support/cli.ts';
import { comparisonDocument } from '../../support/json-documents.ts';

const coordinator = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));
const archiver = fileURLToPath(new URL('../../../dist/scripts/results/archive-run.js', import.meta.url));

let folder: string;
let runs: string;

/** A run that is carried out as far as `behaviour` lets it. */
async function makeRun(name: string, seed: number, behaviour: Record<string, string[]> = {}): Promise<void> {
  const config = smallConfig();
  const source = join(folder, 'photos');
  const { dataset, ...record } = smallRecord({ ...config, seed, data: { ...config.data, source } });
  const made = await createSmallRun(behaviour, { ...record, name, dataset: { ...dataset, source } });
  await execa('node', [coordinator, made], { reject: false });
  await cp(made, join(runs, name), { recursive: true });
}

const compare = (...args: string[]) => callCli(['compare', ...args], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate compare 🐣 '));
  runs = join(folder, 'runs');
  await mkdir(runs);
  await makeRun('first', 0);
  await makeRun('second one', 1);
  await makeRun('failed', 2, { 'module-1': ['fail-data'] });
});
afterAll(() => rm(folder, { recursive: true }));

describe('compare', () => {
  it('has one row of runs that are equal but for the seed', async () => {
    const { stdout, stderr, exitCode } = await compare('first', 'runs/second one');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.split('\n')[1]).toMatch(/^incubation +vit-tiny +2 +50\.00% +50\.00%/);
    const document = comparisonDocument.parse(JSON.parse((await compare('first', 'second one', '--json')).stdout));
    expect(document.rows).toHaveLength(1);
    expect(document.rows[0]).toMatchObject({
      runs: ['first', 'second one'],
      n: 2,
      figures: { top1: { mean: 0.5, deviation: 0, values: [0.5, 0.5] }, flops: { mean: 1000 } },
    });
    expect(document.rows[0]?.figures.deviceHours?.mean).toBeGreaterThan(0);
  });

  it('names runs that are not completed, and leaves them out', async () => {
    const { stdout, exitCode } = await compare('first', 'failed');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('failed is failed with 2 of 5 jobs done, and is left out.');
    expect(stdout.split('\n')[1]).toMatch(/^incubation +vit-tiny +1 +50/);
    const alone = await compare('failed');
    expect(alone.exitCode).toBe(0);
    expect(alone.stdout.split('\n')[1]).toMatch(/^incubation +vit-tiny +0$/);
  });

  it('takes the same run once, however it is named', async () => {
    const document = JSON.parse((await compare('first', 'runs/first', join(runs, 'first'), '--json')).stdout);
    expect(document.runs).toHaveLength(1);
    expect(document.notes).toEqual([]);
  });

  it('takes archived runs, which tell the same', async () => {
    await execa('node', [archiver, join(runs, 'first'), join(folder, 'archive/first')]);
    expect((await readdir(join(folder, 'archive/first'))).sort()).toEqual([
      'journal.ndjson',
      'result.json',
      'run.json',
    ]);
    const rows = async (...args: string[]) => JSON.parse((await compare(...args, '--json')).stdout).rows;
    expect(await rows('archive/first')).toEqual(await rows('first'));
    const { stdout, exitCode } = await runCli(['status', join(folder, 'archive/first')]);
    expect({ exitCode, completed: stdout.includes('first: completed') }).toEqual({ exitCode: 0, completed: true });
    for (const name of await readdir(join(folder, 'archive/first'))) {
      expect(await readFile(join(folder, 'archive/first', name), 'utf8')).not.toContain(folder);
    }
    const both = JSON.parse((await compare('archive/first', 'second one', '--json')).stdout);
    expect(both.rows.map(({ data, n }: { data: string; n: number }) => [data, n])).toEqual([['photos 100%', 2]]);
  });

  it('writes plots that can be drawn', async () => {
    const { exitCode, stderr } = await compare('first', 'second one', '--plot', 'some/plots');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const names = (await readdir(join(folder, 'some/plots'))).sort();
    expect(names).toEqual([
      'run-first.svg',
      'run-second one.svg',
      'top1-convergence.svg',
      'top1-device-hours.svg',
      'top1-flops.svg',
      'top1-layer-units.svg',
      'top1-time.svg',
    ]);
    for (const name of names) {
      const image = await sharp(join(folder, 'some/plots', name)).stats();
      // Lines and letters on the ground.
      expect([name, image.channels[0]?.stdev]).not.toEqual([name, 0]);
    }
    expect(await readFile(join(folder, 'some/plots/run-first.svg'), 'utf8')).toContain('training loss');
  });

  it.each<[string, string[], number, string, string]>([
    ['no run', [], 2, 'USAGE_ARGUMENT', 'missing required argument'],
    ['a run that there is not', ['first', 'frist'], 2, 'USAGE_RUN', "Did you mean 'first'?"],
    ['a directory that is no run', ['foreign'], 2, 'USAGE_RUN', 'no run.json'],
    ['a format that there is not', ['first', '--format', 'html'], 2, 'USAGE_ARGUMENT', 'markdown'],
    ['a format beside --json', ['first', '--format', 'csv', '--json'], 2, 'USAGE_OPTION', '--json'],
    ['a damaged record', ['torn'], 6, 'RUN_FORMAT', 'run.json is damaged'],
    ['a damaged journal', ['garbled'], 6, 'RUN_JOURNAL', 'line 2'],
    ['a completed run without its result', ['bare'], 6, 'RUN_RESULT', 'result.json is missing'],
    ['a damaged result', ['bent'], 6, 'RUN_FORMAT', 'metrics.final'],
    ['a place where no plots can be', ['first', '--plot', 'runs/first/run.json'], 4, 'ENVIRONMENT_WRITE', 'run.json'],
  ])('refuses %s', async (_, args, status, code, part) => {
    const spoilt = async (name: string, file: string, spoil: (text: string) => string) => {
      await cp(join(runs, 'first'), join(runs, name), { recursive: true });
      const path = join(runs, name, file);
      await writeFile(path, spoil(await readFile(path, 'utf8')));
    };
    await mkdir(join(runs, 'foreign'), { recursive: true });
    await spoilt('torn', 'run.json', (text) => text.slice(0, 100));
    await spoilt('garbled', 'journal.ndjson', (text) => text.replace('\n', '\n}{\n'));
    await spoilt('bent', 'result.json', (text) => text.replace('"final"', '"finale"'));
    await cp(join(runs, 'first'), join(runs, 'bare'), { recursive: true });
    await rm(join(runs, 'bare/result.json'), { force: true });
    const { stdout, stderr, exitCode } = await compare(...args);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr).toContain(`code: ${code}`);
    expect(stderr).toContain(part);
  });
});
