import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DataFormat } from '../../../src/config/data-formats.ts';
import { findImages } from '../../../src/data/images.ts';
import { binaryFile } from '../../support/cifar-files.ts';
import { dataConfig } from '../../support/data-config.ts';
import { idxFile } from '../../support/idx-file.ts';
import { writeTar } from '../../support/python-tar.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate find 🖼 '));
  return () => rm(root, { recursive: true });
});

async function put(path: string, content: Uint8Array | string = 'any'): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}
const find = async (source = root, format: DataFormat | 'auto' = 'auto') =>
  (await findImages(dataConfig(source, { format }), { reading: false, memory: { bytes: 0 } })).format;

const writers: Readonly<Record<'folder' | 'cifar' | 'idx' | 'tar', () => Promise<unknown>>> = {
  folder: () => Promise.all(['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png'].map((path) => put(path))),
  cifar: async () => {
    await put('data_batch_1.bin', binaryFile(0, [[0], [1], [0], [1]]));
    await put('test_batch.bin', binaryFile(0, [[0], [1]]));
  },
  idx: async () => {
    await put('train-images-idx3-ubyte', idxFile([4, 1, 1], Buffer.alloc(4)));
    await put('train-labels-idx1-ubyte', idxFile([4], Uint8Array.of(0, 1, 0, 1)));
  },
  tar: () =>
    writeTar(
      join(root, 'shard.tar'),
      [0, 1, 2, 3].flatMap((key) => [
        { name: `${key}.jpg`, content: Buffer.from('x') },
        { name: `${key}.cls`, content: Buffer.from(String(key % 2)) },
      ]),
    ),
};

describe('a folder', () => {
  it.each(Object.keys(writers) as (keyof typeof writers)[])('of the format %s is recognised', async (format) => {
    await writers[format]();
    await put('readme.txt');
    await put('.hidden/file');
    expect(await find()).toBe(format);
    expect(await find(root, format)).toBe(format);
  });

  it('of class folders stays one, whatever lies beside them', async () => {
    await writers.folder();
    await writers.tar();
    await put('labels.csv');
    await put('cifar-10-binary.tar.gz');
    await expect(find()).rejects.toMatchObject({ code: 'DATA_FORMAT' });
    await rm(join(root, 'cifar-10-binary.tar.gz'));
    expect(await find()).toBe('folder');
    await rm(join(root, 'a'), { recursive: true });
    await rm(join(root, 'b'), { recursive: true });
    for (const path of ['train/a/1.png', 'train/b/1.png', 'val/a/1.png', 'val/b/1.png']) await put(path);
    expect(await find()).toBe('folder');
  });

  it('of links to class folders stays one', async () => {
    await put('elsewhere/x/1.png');
    await put('elsewhere/x/2.png');
    await mkdir(join(root, 'set'));
    for (const name of ['a', 'b']) await symlink(join(root, 'elsewhere/x'), join(root, 'set', name));
    await symlink('loop', join(root, 'set/loop'));
    expect(await find(join(root, 'set'))).toBe('folder');
  });

  it('that looks like two formats is refused, unless the format is said', async () => {
    await writers.cifar();
    await writers.idx();
    const error = await find().catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'DATA_FORMAT',
      message: expect.stringContaining('cifar, idx'),
      hint: expect.stringContaining('data.format'),
    });
    expect(await find(root, 'cifar')).toBe('cifar');
    expect(await find(root, 'idx')).toBe('idx');
  });

  it('that holds nothing, and a file that is nothing, say what was looked for', async () => {
    const error = await find().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'DATA_EMPTY', hint: expect.stringMatching(/CIFAR.*IDX.*shards.*manifest/) });
    await put('weights.bin');
    const other = await find(join(root, 'weights.bin')).catch((caught: unknown) => caught);
    expect(other).toMatchObject({
      code: 'DATA_FORMAT',
      message: expect.stringMatching(/CIFAR.*IDX.*shards.*manifest/),
    });
    await expect(find(join(root, 'nothing'))).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      message: expect.stringContaining('does not exist'),
    });
  });
});

it.each(['folder', 'cifar', 'idx', 'tar', 'manifest', 'packed'] as const)(
  'what is none is refused as %s, whether it is a folder, a file or nothing',
  async (format) => {
    await put('file.txt');
    for (const place of [root, join(root, 'file.txt'), join(root, 'nothing')]) {
      await expect(find(place, format)).rejects.toMatchObject({ code: expect.stringMatching(/^DATA_/) });
    }
  },
);
