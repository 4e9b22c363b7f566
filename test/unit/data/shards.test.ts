import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { dataConfig } from '../../support/data-config.ts';
import { type TarEntry, writeTar } from '../../support/python-tar.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate shards 🖼 '));
  return () => rm(root, { recursive: true });
});

const png = (level: number) =>
  sharp({ create: { width: 4, height: 4, channels: 3, background: { r: level, g: level, b: level } } })
    .png()
    .toBuffer();
const config = (source: string, data: object = {}) => dataConfig(source, data, { imageSize: 4 });
const text = (content: string) => Buffer.from(content);

/** An image with its label; its grey level tells it from others. */
async function sample(key: string, level: number, label: string): Promise<TarEntry[]> {
  return [
    { name: `${key}.png`, content: await png(level) },
    { name: `${key}.cls`, content: text(label) },
    { name: `${key}.json`, content: text('{}') },
  ];
}

async function shard(name: string, first: number, count: number, label = (index: number) => String(index % 3)) {
  const samples = await Promise.all(
    Array.from({ length: count }, (_, index) => sample(`img/${first + index}`, first + index, label(first + index))),
  );
  await writeTar(join(root, name), samples.flat());
}

async function levels(split: { length: number; image(index: number): Promise<Uint8Array> | Uint8Array }) {
  return Promise.all(Array.from({ length: split.length }, async (_, index) => (await split.image(index))[0]));
}

it('a brace pattern, a glob, a folder and a single shard are found', async () => {
  await shard('shard-000000.tar', 0, 6);
  await shard('shard-000001.tar', 6, 6);
  for (const [source, images] of [
    [join(root, 'shard-{000000..000001}.tar'), 12],
    [join(root, 'shard-{000001,000000}.tar'), 12],
    [join(root, 'shard-*.tar'), 12],
    [join(root, 'shard-00000?.tar'), 12],
    [root, 12],
    [join(root, 'shard-000001.tar'), 6],
  ] as const) {
    const { identity, train, validation } = await openDataset(config(source, { holdout: 0.3 }));
    expect([source, identity.classes, train.length + validation.length]).toEqual([source, ['0', '1', '2'], images]);
    const all = [...(await levels(train)), ...(await levels(validation))].map(Number).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: images }, (_, index) => index + 12 - images));
    for (let index = 0; index < train.length; index++) {
      expect(train.label(index)).toBe(((await train.image(index))[0] as number) % 3);
    }
  }
});

it('splits are told by the names of shards or their folders; a further one is passed over', async () => {
  await shard('set-train-0.tar', 0, 6);
  await shard('set-val-0.tar', 50, 4);
  await shard('set-test-0.tar', 90, 4);
  const named = await openDataset(config(root));
  expect([await levels(named.train), await levels(named.validation)]).toEqual([
    [0, 1, 2, 3, 4, 5],
    [50, 51, 52, 53],
  ]);
  await mkdir(join(root, 'in folders/train'), { recursive: true });
  await mkdir(join(root, 'in folders/validation'));
  await shard('in folders/train/0.tar', 0, 6);
  await shard('in folders/validation/0.tar', 6, 3);
  const nested = await describeDataset(config(join(root, 'in folders')));
  expect([nested.train, nested.validation]).toEqual([6, 3]);
  await shard('set-extra-0.tar', 90, 4);
  await expect(describeDataset(config(root))).rejects.toMatchObject({
    code: 'DATA_FORMAT',
    message: expect.stringContaining('set-extra-0.tar does not say'),
  });
});

it.each(['ustar', 'gnu', 'pax'] as const)('%s archives with long and odd names are read', async (format) => {
  const long = `${'folder/'.repeat(12)}${'n'.repeat(90)}`;
  const keys = [
    '-dash',
    '../../escape',
    '/absolute',
    long,
    'new\nline',
    ...(format === 'ustar' ? [] : ['ümläut 🐣', 'x'.repeat(300)]),
  ];
  const samples = await Promise.all(keys.map((key, index) => sample(key, 10 * index, index % 2 === 0 ? 'cat' : 'dog')));
  const others: TarEntry[] = [
    { name: 'folder', directory: true },
    { name: 'link.jpg', link: 'elsewhere.jpg' },
    { name: 'notes.txt', content: text('no image') },
  ];
  await writeTar(join(root, 'odd.tar'), [...others, ...samples.flat()], { format });
  const { identity, train, validation } = await openDataset(config(join(root, 'odd.tar'), { holdout: 0.1 }));
  expect(identity.classes).toEqual(['cat', 'dog']);
  expect([...(await levels(train)), ...(await levels(validation))].map(Number).sort((a, b) => a - b)).toEqual(
    keys.map((_, index) => 10 * index),
  );
});

it('numbers are classes in their order, other labels in that of their letters', async () => {
  await shard('a.tar', 0, 12, (index) => String([2, 10, 1][index % 3]));
  expect((await describeDataset(config(join(root, 'a.tar')))).classes).toEqual(['1', '2', '10']);
  await shard('a.tar', 0, 12, (index) => ['dog', '10', 'cat'][index % 3] as string);
  expect((await describeDataset(config(join(root, 'a.tar')))).classes).toEqual(['10', 'cat', 'dog']);
});

it('another label, order or size makes another data set', async () => {
  await shard('a.tar', 0, 6);
  const before = await describeDataset(config(join(root, 'a.tar')));
  assertSameDataset(before, await describeDataset(config(join(root, 'a.tar'))));
  await shard('a.tar', 0, 6, (index) => String((index + 1) % 3));
  const now = await describeDataset(config(join(root, 'a.tar')));
  expect(() => assertSameDataset(before, now)).toThrow(expect.objectContaining({ code: 'DATA_CHANGED' }));
});

describe('refuses', () => {
  const image = { name: '1.png', content: text('any bytes') };
  it.each<[string, TarEntry[], RegExp]>([
    ['an image without a label', [image], /"1" has an image, but no \.cls/],
    ['a label without an image', [{ name: '1.cls', content: text('0') }], /"1" has a label, but no image/],
    ['an empty label', [image, { name: '1.cls', content: text(' \n') }], /"1\.cls" is empty/],
    ['a label of a megabyte', [image, { name: '1.cls', content: Buffer.alloc(1 << 20) }], /which is no label/],
    ['a key twice', [image, { name: '1.jpg', content: text('x') }], /two images have the key "1"/],
    [
      'a label twice',
      [image, { name: '1.cls', content: text('0') }, { name: '1.cls', content: text('1') }],
      /"1\.cls" is there twice/,
    ],
  ])('%s', async (_, entries, message) => {
    await writeTar(join(root, 'bad.tar'), entries);
    const error = await describeDataset(config(join(root, 'bad.tar'))).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'DATA_FILE',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  it('shards that are missing, compressed, damaged or cut short', async () => {
    await shard('0.tar', 0, 6);
    await expect(describeDataset(config(join(root, '{0..1}.tar')))).rejects.toThrow(
      /1\.tar" cannot be used: it does not/,
    );
    await expect(describeDataset(config(join(root, '{9..1}.tar')))).rejects.toMatchObject({ code: 'DATA_FORMAT' });
    await expect(describeDataset(config(join(root, '{0..999999999}.tar')))).rejects.toThrow(/more than 100000 files/);
    await expect(describeDataset(config(join(root, 'x*.tar')))).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    await writeTar(join(root, 'packed.tar'), await sample('1', 0, '0'), { gzip: true });
    await expect(describeDataset(config(join(root, 'packed.tar')))).rejects.toThrow(/it is compressed/);
    const { size } = await stat(join(root, '0.tar'));
    await truncate(join(root, '0.tar'), size - 10_240);
    await expect(describeDataset(config(join(root, '0.tar')))).rejects.toThrow(/is cut short|has an image, but no/);
    await writeFile(join(root, '0.tar'), Buffer.alloc(600, 1));
    await expect(describeDataset(config(join(root, '0.tar')))).rejects.toThrow(/tar header/);
    await writeFile(join(root, '0.tar'), '');
    await expect(describeDataset(config(join(root, '0.tar')))).rejects.toMatchObject({ code: 'DATA_FILE' });
  });

  it('a shard that is cut short after it was opened', async () => {
    await shard('0.tar', 0, 6);
    const { train } = await openDataset(config(join(root, '0.tar'), { holdout: 0.1 }));
    await truncate(join(root, '0.tar'), 700);
    await expect(train.image(2)).rejects.toMatchObject({
      code: 'DATA_FILE',
      message: expect.stringContaining('it ends'),
    });
  });
});
