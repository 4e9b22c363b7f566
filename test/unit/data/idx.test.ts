import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { dataConfig } from '../../support/data-config.ts';
import { idxFile } from '../../support/idx-file.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate idx 🖼 '));
  return () => rm(root, { recursive: true });
});

const byte = (image: number, row: number, column: number) => (image * 50 + row * 10 + column * 3) % 256;
/** Images [count, 6, 6]. */
const images = (count: number) =>
  Uint8Array.from({ length: count * 36 }, (_, at) => byte(Math.floor(at / 36), Math.floor((at % 36) / 6), at % 6));
const put = (name: string, bytes: Uint8Array) => writeFile(join(root, name), bytes);

async function writeSet({ prefix = '', packed = false, validation = true } = {}): Promise<void> {
  const ending = packed ? '.gz' : '';
  const pack = (bytes: Uint8Array) => (packed ? gzipSync(bytes) : bytes);
  await put(`${prefix}train-images-idx3-ubyte${ending}`, pack(idxFile([6, 6, 6], images(6))));
  await put(`${prefix}train-labels-idx1-ubyte${ending}`, pack(idxFile([6], Uint8Array.of(7, 1, 3, 7, 1, 3))));
  if (!validation) return;
  await put(`${prefix}t10k-images-idx3-ubyte${ending}`, pack(idxFile([2, 6, 6], images(2))));
  await put(`${prefix}t10k-labels-idx1-ubyte${ending}`, pack(idxFile([2], Uint8Array.of(3, 7))));
}

describe.each([false, true])('IDX files, gzipped: %s', (packed) => {
  it('give grey images and labels, whose classes are the numbers that occur', async () => {
    await writeSet({ packed });
    const { identity, train, validation } = await openDataset(dataConfig(root, {}, { imageSize: 6, channels: 1 }));
    expect(identity.classes).toEqual(['1', '3', '7']);
    expect(Array.from({ length: 6 }, (_, index) => train.label(index))).toEqual([2, 0, 1, 2, 0, 1]);
    expect([validation.label(0), validation.label(1)]).toEqual([1, 2]);
    for (let index = 0; index < 6; index++) {
      expect(new Uint8Array(await train.image(index))).toEqual(images(6).subarray(index * 36, (index + 1) * 36));
    }
  });

  it('repeat grey for three channels', async () => {
    await writeSet({ packed });
    const { train } = await openDataset(dataConfig(root, {}, { imageSize: 6, channels: 3 }));
    const expected = Uint8Array.from({ length: 108 }, (_, at) => images(6)[2 * 36 + Math.floor(at / 3)] as number);
    expect(new Uint8Array(await train.image(2))).toEqual(expected);
  });
});

it('the file of training images names one of several sets', async () => {
  await writeSet({ prefix: 'emnist-letters-' });
  await writeSet({ prefix: 'emnist-digits-', packed: true });
  await expect(describeDataset(dataConfig(root))).rejects.toMatchObject({
    code: 'DATA_FORMAT',
    message: expect.stringContaining('emnist-digits-, emnist-letters-'),
  });
  const letters = await describeDataset(dataConfig(join(root, 'emnist-letters-train-images-idx3-ubyte')));
  expect([letters.train, letters.validation]).toEqual([6, 2]);
});

it('a share is held out where there is no validation file', async () => {
  await writeSet({ validation: false });
  const identity = await describeDataset(dataConfig(root, { holdout: 0.5 }));
  expect([identity.train, identity.validation]).toEqual([3, 3]);
});

it('a changed byte makes another data set, packing does not', async () => {
  await writeSet();
  const before = await describeDataset(dataConfig(root));
  await put('train-images-idx3-ubyte.gz', gzipSync(idxFile([6, 6, 6], images(6))));
  await rm(join(root, 'train-images-idx3-ubyte'));
  assertSameDataset(before, await describeDataset(dataConfig(root)));
  const changed = images(6);
  changed[100] = 0;
  await put('train-images-idx3-ubyte.gz', gzipSync(idxFile([6, 6, 6], changed)));
  const now = await describeDataset(dataConfig(root));
  expect(() => assertSameDataset(before, now)).toThrow(/has changed since the run was created/);
});

describe('refuses', () => {
  it.each<[string, string, Uint8Array, RegExp]>([
    ['another kind of file', 'train-images-idx3-ubyte', Buffer.from('PNG or so'), /no IDX file by its first bytes/],
    ['floats', 'train-images-idx3-ubyte', idxFile([6, 6, 6], images(6), 0x0d), /holds floats/],
    ['labels in place of images', 'train-images-idx3-ubyte', idxFile([6], images(1)), /has 1 dimensions instead of 3/],
    ['an empty file', 'train-images-idx3-ubyte', Buffer.of(), /no IDX file/],
    ['a header that is cut short', 'train-images-idx3-ubyte', Buffer.of(0, 0, 8, 3, 0), /header is cut short/],
    ['fewer bytes than it says', 'train-images-idx3-ubyte', idxFile([7, 6, 6], images(6)), /= 252 bytes, but only 216/],
    [
      'more bytes than it says',
      'train-images-idx3-ubyte',
      idxFile([5, 6, 6], images(6)),
      /= 180 bytes, but more follow/,
    ],
    [
      'a size beyond all memory',
      'train-images-idx3-ubyte',
      idxFile([0xffffffff, 0xffffffff, 0xffffffff], images(1)),
      /4294967295×4294967295×4294967295 bytes, more than/,
    ],
    [
      'a size that is not there',
      'train-images-idx3-ubyte',
      idxFile([0x7ff, 0x3ff, 0x3ff], images(1)),
      /= 2142244863 bytes, but only 36 follow/,
    ],
    ['no pixels', 'train-images-idx3-ubyte', idxFile([6, 0, 6], Buffer.of()), /holds 6×0×6 pixels/],
    ['fewer labels than images', 'train-labels-idx1-ubyte', idxFile([2], Buffer.of(1, 2)), /6 images, but .* 2 labels/],
  ])('%s', async (_, name, bytes, message) => {
    await writeSet();
    await put(name, bytes);
    const error = await describeDataset(dataConfig(root)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'DATA_FILE',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  it('a gzip that is damaged, missing labels, and a class of validation images alone', async () => {
    await writeSet({ packed: true });
    const whole = gzipSync(idxFile([6, 6, 6], images(6)));
    await put('train-images-idx3-ubyte.gz', whole.subarray(0, whole.length - 12));
    await expect(describeDataset(dataConfig(root))).rejects.toMatchObject({ code: 'DATA_FILE' });
    await put('train-images-idx3-ubyte.gz', whole);
    await put('t10k-labels-idx1-ubyte.gz', gzipSync(idxFile([2], Uint8Array.of(3, 9))));
    await expect(describeDataset(dataConfig(root))).rejects.toMatchObject({
      code: 'DATA_CLASSES',
      message: expect.stringContaining("the class '9'"),
    });
    await rm(join(root, 'train-labels-idx1-ubyte.gz'));
    await expect(describeDataset(dataConfig(root))).rejects.toThrow(/its labels, .* are not there/);
  });
});
