import { cp, mkdir, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli, runCli } from '../../support/cli.ts';
import { journalOf } from '../../support/run.ts';

const recipe = `
model: { name: vit-tiny, width: 16, depth: 4, heads: 2, patch: 4, imageSize: 16 }
training: { batchSize: 10, referenceBatch: null }
phases: { meta: { epochs: 2 }, incubate: { epochs: 1 }, finetune: { epochs: 1 } }
devices: { gpus: none, slots: 2, threads: 2 }
`;

let folder: string;
let images: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate bad input 🐣 '));
  images = join(folder, 'some images');
  await writeFile(join(folder, 'recipe.yaml'), recipe);
  await runCli(['data', 'shapes', '--out', images, '--train', '60', '--validation', '20', '--size', '16']);
  await mkdir(join(folder, 'runs/foreign'), { recursive: true });
  await writeFile(join(folder, 'runs/foreign/notes.txt'), 'not a run');
});
afterAll(() => rm(folder, { recursive: true }));

const runs = () => join(folder, 'runs');
const trainArguments = (...more: string[]) => [
  'train',
  ...['--config', join(folder, 'recipe.yaml'), '--data', images, '--runs-dir', runs()],
  ...more,
];
const train = (...more: string[]) => runCli(trainArguments(...more));
const refused = (...more: string[]) => callCli(trainArguments(...more));

/** A copy of the images to be spoilt. */
async function imagesWith(name: string, spoil: (copy: string) => Promise<unknown>): Promise<string> {
  const copy = join(folder, name);
  await cp(images, copy, { recursive: true });
  await spoil(copy);
  return copy;
}

describe('train refuses, and creates nothing', () => {
  it.each<[string, string[], number, string, ...string[]]>([
    ['an unknown model', ['--model', 'vit-tinny'], 3, 'CONFIG_MODEL', "'vit-tinny'", "'vit-tiny'"],
    ['an unknown setting', ['--set', 'model.widht=8'], 3, 'CONFIG_KEY', 'model.widht', "'model.width'"],
    ['an unknown flag', ['--modlues', '2'], 2, 'USAGE_OPTION', '--modlues', '--modules'],
    ['more modules than blocks', ['--modules', '5'], 3, 'CONFIG_DIVISION', '5 modules', 'at most 4'],
    ['depths that do not add up', ['--depths', '1,1,1,2'], 3, 'CONFIG_DIVISION', 'add up to 5', 'add up to 4'],
    ['a patch that does not divide the image', ['--set', 'model.patch=3'], 3, 'CONFIG_MODEL', '16', '3'],
    ['heads that do not divide the width', ['--set', 'model.heads=3'], 3, 'CONFIG_MODEL', '16', '3'],
    ['a value that cannot be', ['--set', 'training.batchSize=0'], 3, 'CONFIG_VALUE', 'training.batchSize', 'above 0'],
    ['GPUs that there are not', ['--gpus', '98,99'], 4, 'ENVIRONMENT_GPU', 'GPU 98', '--gpus'],
    ['a configuration file that there is not', ['-c', 'nope.yaml'], 3, 'CONFIG_FILE', 'nope.yaml', '--config'],
    ['a data folder that there is not', ['--data', 'nope'], 7, 'DATA_FOLDER', 'nope', '--data'],
    ['a directory in use as the name', ['--run', 'foreign'], 2, 'USAGE_RUN_EXISTS', 'foreign', '--run'],
  ])('%s', async (_, args, status, code, ...parts) => {
    const { stdout, stderr, exitCode } = await refused('--json', ...args);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr.trimEnd()).toMatch(new RegExp(`^error: .*\n(hint: .*\n)?code: ${code}$`));
    for (const part of parts) expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(runs())).toEqual(['foreign']);
  });

  it.each<[string, (copy: string) => Promise<unknown>, string, string]>([
    ['an empty class folder', (copy) => mkdir(join(copy, 'train/zebra')), 'DATA_EMPTY', 'train/zebra holds no images'],
    [
      'class folders without images',
      async (copy) => {
        for (const name of await readdir(join(copy, 'train'))) {
          await rm(join(copy, 'train', name), { recursive: true });
          await mkdir(join(copy, 'train', name));
          await writeFile(join(copy, 'train', name, 'readme.txt'), '');
        }
      },
      'DATA_EMPTY',
      'holds no images, only 1 other file',
    ],
    [
      'a folder without class folders',
      async (copy) => {
        await rm(copy, { recursive: true });
        await mkdir(copy);
      },
      'DATA_EMPTY',
      'holds no class folders',
    ],
    [
      'splits with different classes',
      async (copy) => rename(join(copy, 'val', await firstIn(join(copy, 'val'))), join(copy, 'val/zebra')),
      'DATA_CLASSES',
      "val/ has the class 'zebra', but train/ has not",
    ],
  ])('%s', async (name, spoil, code, message) => {
    const { stdout, stderr, exitCode } = await refused('--data', await imagesWith(name, spoil));
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 7 });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).toMatch(new RegExp(`\nhint: .*\ncode: ${code}$`));
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(runs())).toEqual(['foreign']);
  });
});

describe('resume refuses', () => {
  it.each([
    ['a run that there is not', 'nonsense', 'there is no run', 'incubate status'],
    ['a directory that is no run', 'foreign', 'foreign is not a run: it has no run.json', 'incubate status'],
  ])('%s', async (_, run, message, hint) => {
    const { stdout, stderr, exitCode } = await callCli(['resume', run, '--json', '--runs-dir', runs()]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(join(runs(), 'foreign'))).toEqual(['notes.txt']);
  });
});

describe('an image that cannot be decoded', () => {
  it.each(['train', 'val'])('in %s/ ends the run with status 7, naming the file, without a retry', async (split) => {
    let spoilt = '';
    const data = await imagesWith(`truncated in ${split}`, async (copy) => {
      const classFolder = join(copy, split, await firstIn(join(copy, split)));
      spoilt = join(classFolder, await firstIn(classFolder));
      await truncate(spoilt, 100);
    });
    const { stdout, stderr, exitCode } = await train('--data', data, '--run', `truncated-${split}`, '--json');
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 7 });
    expect(stderr).toMatch(/^error: meta failed: the image .* cannot be decoded: .*; not started: module-0, /m);
    expect(stderr).toContain(JSON.stringify(spoilt));
    expect(stderr.trimEnd()).toMatch(/\nhint: Repair or remove the file.*\ncode: DATA_IMAGE$/);
    expect(stderr).not.toMatch(/^\W*at /m);
    const started = (await journalOf(join(runs(), `truncated-${split}`))).filter(({ type }) => type === 'job-started');
    expect(started).toHaveLength(1);
  });

  /** One image of each class is cut short in both splits. */
  const spoiltImages = () =>
    imagesWith('spoilt', async (copy) => {
      for (const split of ['train', 'val']) {
        for (const name of await readdir(join(copy, split))) {
          await truncate(join(copy, split, name, await firstIn(join(copy, split, name))), 100);
        }
      }
    });

  it('is skipped where that is asked for, and counted', async () => {
    const skip = ['--set', 'data.onDamage=skip'];
    const data = await spoiltImages();
    const run = ['--data', data, '--run', 'skipping'];
    const { stdout, stderr, exitCode } = await train(...run, ...skip, '--json');
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
    const result = JSON.parse(stdout) as { cost: { jobs: { job: string; damaged?: number }[] } };
    // Ten in each split; which of the training images an epoch leaves out as surplus is chance.
    const counts = new Map(result.cost.jobs.map(({ job, damaged = 0 }) => [job, damaged]));
    for (const [job, damaged] of counts) {
      expect(damaged, job).toBeGreaterThanOrEqual(10);
      expect(damaged, job).toBeLessThanOrEqual(20);
    }
    const events = (await journalOf(join(runs(), 'skipping'))).filter((event) => event.type === 'damaged');
    for (const [job, damaged] of counts) {
      const own = events.filter((event) => event.job === job);
      expect(own.at(-1)?.damaged, job).toBe(damaged);
      const named = own.flatMap((event) => event.images as string[]);
      expect(new Set(named).size, job).toBe(damaged);
      expect(named.every((message) => message.includes('its data are damaged or cut short'))).toBe(true);
    }
    const weights = join(runs(), 'skipping');
    const evaluated = JSON.parse((await runCli(['eval', weights, '--json'])).stdout) as object;
    expect(evaluated).toMatchObject({ images: 10, damaged: 10 });
    const status = await runCli(['status', weights]);
    expect(status.stdout).toContain('meta: ');
    expect(status.stdout).toContain('cannot be decoded and are skipped');
  });

  it('ends the run where more are met than may be skipped', async () => {
    const limit = ['--set', 'data.onDamage=skip', '--set', 'data.damageLimit=3'];
    const { stderr, exitCode } = await train('--data', await spoiltImages(), '--run', 'limited', ...limit);
    expect(exitCode).toBe(7);
    expect(stderr).toMatch(/images that meta met cannot be decoded, and data.damageLimit allows 3/);
    expect(stderr).toContain('code: DATA_DAMAGE');
    const started = (await journalOf(join(runs(), 'limited'))).filter(({ type }) => type === 'job-started');
    expect(started).toHaveLength(1);
  });
});

async function firstIn(directory: string): Promise<string> {
  const [first] = (await readdir(directory)).sort();
  if (first === undefined) throw new Error(`${directory} is empty`);
  return first;
}
