import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';
import { idxFile } from '../../support/idx-file.ts';
import { inspectionDocument, preparedDocument } from '../../support/json-documents.ts';
import { writeTar } from '../../support/python-tar.ts';
import { startCli, untilEvent } from '../../support/run.ts';
import { smallTraining } from '../../support/small-training.ts';

const root = join(import.meta.dirname, '../../..');
/** CIFAR-10 as JPEG folders; a checkout need not have it. */
const archive = process.env.INCUBATE_TEST_CIFAR10 ?? join(root, '../shared/data/cifar10-jpeg.tar.gz');
const absent = !existsSync(archive);
if (absent) console.warn(`skipped: the tests on real images, because ${archive} is not there`);

let folder: string;
let images: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate data commands 🐣 '));
  images = join(folder, 'some images');
  await runCli(['data', 'shapes', '--out', images, '--train', '60', '--validation', '20', '--size', '16']);
});
afterAll(() => rm(folder, { recursive: true }));

const data = (...args: string[]) => runCli(['data', ...args], { cwd: folder });

describe('data inspect', () => {
  it('prints what a data set is, as text or as one document', async () => {
    const { stdout, stderr, exitCode } = await data('inspect', 'some images');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toContain('format       folder');
    expect(stdout).toContain('images       60 training, 20 validation');
    expect(stdout).toContain('sizes        16×16 (80), of 80 images');
    expect(stdout).toMatch(/^heart +6 +2$/m);
    expect(stdout).toMatch(/^No problems found\.$/m);
    const json = await data('inspect', 'some images', '--json', '--shots', '2');
    const document = inspectionDocument.parse(JSON.parse(json.stdout));
    expect(document).toMatchObject({ source: 'some images', images: { train: 20, validation: 20 }, problems: [] });
    expect(document.classes).toContainEqual({ name: 'heart', train: 2, validation: 2 });
  });

  it('lists what is wrong with single images, other files, and classes that differ', async () => {
    const spoilt = join(folder, 'spoilt');
    await runCli(['data', 'shapes', '--out', spoilt, '--train', '200', '--validation', '10', '--size', '16']);
    for (const name of (await readdir(join(spoilt, 'train/ring'))).slice(1)) await rm(join(spoilt, 'train/ring', name));
    await truncate(join(spoilt, 'train/ring/00001.png'), 60);
    await writeFile(join(spoilt, 'train/star/notes.txt'), 'no image');
    await symlink('loop.png', join(spoilt, 'train/star/loop.png'));
    await runCli([
      'data',
      'shapes',
      '--out',
      join(folder, 'large'),
      '--train',
      '10',
      '--validation',
      '10',
      '--size',
      '40',
    ]);
    await copyFile(join(folder, 'large/val/star/00001.png'), join(spoilt, 'val/star/00001.png'));
    const { stdout, exitCode } = await data('inspect', 'spoilt', '--json');
    expect(exitCode).toBe(0);
    const { problems, sample } = inspectionDocument.parse(JSON.parse(stdout));
    expect(problems).toEqual([
      '2 files and folders within class folders are no images by their names.',
      expect.stringMatching(/^the image ".*train\/ring\/00001\.png" cannot be decoded: .*\.$/),
      "Classes differ in size: 'circle' has 20 training images, 'ring' has 1.",
    ]);
    expect(sample.smallest).toEqual({ width: 16, height: 16 });
    expect(sample.largest).toEqual({ width: 40, height: 40 });
    expect((await data('inspect', 'spoilt')).stdout).toContain('Problems found: 3\n');
  });

  it('of what is no data set ends with status 7, and of a wrong option with 2 or 3', async () => {
    await mkdir(join(folder, 'empty'), { recursive: true });
    const none = await data('inspect', 'empty', '--json');
    expect(none).toMatchObject({ stdout: '', exitCode: 7, stderr: expect.stringMatching(/CIFAR.*\ncode: DATA_EMPTY/) });
    expect(await data('inspect', 'some images', '--format', 'zip')).toMatchObject({ exitCode: 2 });
    expect(await data('inspect', 'some images', '--subset', '0%')).toMatchObject({ exitCode: 3 });
    expect(await data('inspect')).toMatchObject({ exitCode: 2 });
  });
});

describe('data prepare', () => {
  it('writes a packed set and says so, as text or as one document', async () => {
    const { stdout, stderr, exitCode } = await data(
      'prepare',
      'some images',
      '--out',
      'packed',
      '--size',
      '16',
      '--json',
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(preparedDocument.parse(JSON.parse(stdout))).toEqual({
      out: 'packed',
      size: 16,
      channels: 3,
      classes: 10,
      train: 60,
      validation: 20,
      bytes: 80 * 16 * 16 * 3,
    });
    const again = await data('prepare', 'some images', '--out', 'packed');
    expect(again).toMatchObject({ stdout: '', exitCode: 7, stderr: expect.stringContaining('DATA_EXISTS') });
    const grey = await data('prepare', 'packed', '--out', 'grey', '--size', '8', '--channels', '1', '--subset', '50%');
    expect(grey.stdout).toBe('grey: 30 training and 20 validation images of 8×8 in 10 classes');
    const inspected = await data('inspect', 'grey');
    expect(inspected.stdout).toContain('format       packed');
    expect(inspected.stdout).toContain('sizes        8×8 (50), of 50 images');
  });

  it('that was killed leaves no set behind, and is done again from its beginning', async () => {
    const parent = join(folder, 'killed');
    await mkdir(parent);
    const args = ['data', 'prepare', 'shapes', '--out', join(parent, 'out'), '--size'];
    const slow = execa(process.execPath, [join(root, 'bin/incubate.js'), ...args, '128'], { reject: false });
    const written = async () => (await readdir(parent)).filter((name) => name.startsWith('.out-'));
    while ((await written()).length === 0) await sleep(5);
    await sleep(100);
    slow.kill('SIGKILL');
    expect(await slow).toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(parent)).toEqual(await written());
    expect(await data('inspect', join(parent, 'out'))).toMatchObject({ exitCode: 7 });
    expect(await runCli([...args, '8', '--subset', '20'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readdir(parent)).toEqual(['out']);
  });
});

describe('training on other data sets than folders', () => {
  it('resume goes on with the same set, and refuses one that has changed', async () => {
    const digits = join(folder, 'digits');
    await mkdir(digits);
    const pixels = (count: number, shift = 0) =>
      Uint8Array.from({ length: count * 256 }, (_, at) => (Math.floor(at / 256) * 25 + (at % 16) + shift) % 256);
    const labels = (count: number) => Uint8Array.from({ length: count }, (_, index) => index % 4);
    const put = (name: string, bytes: Uint8Array) => writeFile(join(digits, name), bytes);
    await put('train-images-idx3-ubyte', idxFile([80, 16, 16], pixels(80)));
    await put('train-labels-idx1-ubyte', idxFile([80], labels(80)));
    await put('t10k-images-idx3-ubyte', idxFile([20, 16, 16], pixels(20)));
    await put('t10k-labels-idx1-ubyte', idxFile([20], labels(20)));
    const settings = await smallTraining(folder, 20);
    const runs = join(folder, 'runs');
    const train = ['train', '--config', settings, '--data', digits, '--set', 'model.channels=1', '--subset', '50%'];
    const started = startCli([...train, '--set', 'model.imageSize=16', '--runs-dir', runs, '--run', 'digits']);
    await untilEvent(join(runs, 'digits'), ({ type }) => type === 'checkpoint');
    started.kill('SIGTERM');
    await started;
    const record = JSON.parse(await readFile(join(runs, 'digits/run.json'), 'utf8'));
    expect(record.dataset).toMatchObject({ train: 40, validation: 20, classes: ['0', '1', '2', '3'] });
    await put('train-images-idx3-ubyte', idxFile([80, 16, 16], pixels(80, 1)));
    const refused = await runCli(['resume', 'digits', '--runs-dir', runs, '--force']);
    expect(refused).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('DATA_CHANGED') });
    await put('train-images-idx3-ubyte', idxFile([80, 16, 16], pixels(80)));
    expect(await runCli(['resume', 'digits', '--runs-dir', runs])).toMatchObject({ exitCode: 0 });
  });
});

describe.skipIf(absent)('on CIFAR-10 in folders, in tar shards, in a manifest and packed', () => {
  it('the same images have the same pixels and classes', async () => {
    const files = join(folder, 'cifar');
    await mkdir(files);
    // Some of every class: names of images end in 0000.jpg to 0009.jpg.
    await execa('tar', ['-xzf', archive, '-C', files, '--wildcards', '*/000?.jpg']);
    const listed: { path: string; label: string; split: string }[] = [];
    for (const split of ['train', 'test']) {
      for (const label of (await readdir(join(files, split))).sort()) {
        for (const name of (await readdir(join(files, split, label))).sort()) {
          listed.push({ path: `${split}/${label}/${name}`, label, split });
        }
      }
    }
    expect(listed.length).toBe(200);
    await writeFile(join(files, 'list.jsonl'), listed.map((row) => JSON.stringify(row)).join('\n'));
    await mkdir(join(folder, 'shards'));
    for (const split of ['train', 'test']) {
      const members = listed
        .filter((row) => row.split === split)
        .map(async ({ path, label }, index) => [
          { name: `${index}.jpg`, content: await readFile(join(files, path)) },
          { name: `${index}.cls`, content: Buffer.from(label) },
        ]);
      await writeTar(join(folder, `shards/${split}-0.tar`), (await Promise.all(members)).flat());
    }
    const hashes: string[] = [];
    for (const [index, source] of ['cifar', 'shards', 'cifar/list.jsonl'].entries()) {
      expect((await data('prepare', source, '--out', `packed cifar ${index}`)).stderr).toBe('');
      const packed = JSON.parse(await readFile(join(folder, `packed cifar ${index}/packed.json`), 'utf8'));
      hashes.push(JSON.stringify([packed.classes, packed.splits]));
    }
    expect(new Set(hashes).size).toBe(1);
    expect(hashes[0]).toContain('"airplane","automobile"');
  });
});
