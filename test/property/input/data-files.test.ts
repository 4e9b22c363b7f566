import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { preparePacked } from '../../../src/data/prepare.ts';
import { PACKED_FILE, packedText } from '../../../src/data/sources/packed-format.ts';
import { unpickle } from '../../../src/data/sources/unpickle.ts';
import { binaryFile, pickle, pythonFile } from '../../support/cifar-files.ts';
import { dataConfig } from '../../support/data-config.ts';
import { idxFile } from '../../support/idx-file.ts';
import { outcomeOf } from '../../support/outcome.ts';
import { writeTar } from '../../support/python-tar.ts';

/*
 * Whatever lies in a file of a data set, opening it gives a data set whose every image has a label of a class, or an error of
 * the data, and nothing else: no other error, no crash, no memory for lengths that are merely claimed.
 */

const root = mkdtempSync(join(tmpdir(), 'incubate data files '));
afterAll(() => rmSync(root, { recursive: true }));
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(root, 'set '));
});

async function expectSound(source: string, data: object): Promise<boolean> {
  const outcome = await outcomeOf(() => openDataset(dataConfig(source, data)));
  if ('code' in outcome) {
    expect(outcome.code).toMatch(/^DATA_/);
    return false;
  }
  const { identity, train, validation } = outcome.value;
  for (const split of [train, validation]) {
    expect(split.length).toBeGreaterThan(0);
    for (let index = 0; index < split.length; index++) {
      expect(identity.classes[split.label(index)]).toBeTypeOf('string');
      const image = await outcomeOf(() => split.image(index));
      if ('code' in image) expect(image.code).toMatch(/^DATA_/);
      else expect(image.value.length).toBe(32 * 32 * 3);
    }
  }
  return true;
}

/** Bytes of a whole file with some of them replaced, taken out or put in. */
function damaged(whole: Uint8Array, span = whole.length): fc.Arbitrary<Uint8Array> {
  const interesting = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const edit = fc.record({
    at: fc.nat(Math.min(span, whole.length) - 1),
    bytes: fc.array(interesting, { maxLength: 6 }),
    removed: fc.nat(6),
  });
  const cut = fc.oneof(
    { weight: 4, arbitrary: fc.constant(whole.length) },
    { weight: 1, arbitrary: fc.nat(whole.length) },
  );
  return fc
    .tuple(fc.array(edit, { maxLength: 3 }), cut)
    .map(([edits, length]) =>
      edits.reduce<Uint8Array>(
        (bytes, { at, bytes: put, removed }) =>
          Buffer.concat([bytes.subarray(0, at), Uint8Array.from(put), bytes.subarray(at + removed)]),
        whole.subarray(0, length),
      ),
    );
}

/** Replaces bytes and leaves the length, so that more damage is past the first check of a length. */
function flipped(whole: Uint8Array, span = whole.length): fc.Arbitrary<Uint8Array> {
  const flips = fc.array(fc.tuple(fc.nat(Math.min(span, whole.length) - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 3,
  });
  return flips.map((changes) => {
    const bytes = Uint8Array.from(whole);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
}

test('IDX files', async () => {
  const images = idxFile(
    [4, 2, 2],
    Uint8Array.from({ length: 16 }, (_, at) => at),
  );
  const labels = idxFile([4], Uint8Array.of(0, 1, 0, 1));
  let sound = 0;
  const garbage = fc.uint8Array({ maxLength: 40 });
  const file = fc.oneof(fc.constant(images), damaged(images), flipped(images, 16), garbage);
  const others = fc.oneof(fc.constant(labels), damaged(labels));
  await fc.assert(
    fc.asyncProperty(file, others, fc.boolean(), async (bytes, labelBytes, packed) => {
      const name = join(place, 'train-images-idx3-ubyte');
      rmSync(name, { force: true });
      rmSync(`${name}.gz`, { force: true });
      writeFileSync(packed ? `${name}.gz` : name, packed ? gzipSync(bytes) : bytes);
      writeFileSync(join(place, 'train-labels-idx1-ubyte'), labelBytes);
      if (await expectSound(place, { format: 'idx' })) sound += 1;
    }),
    { numRuns: 300 },
  );
  expect(sound).toBeGreaterThan(10);
});

test('CIFAR records', async () => {
  const batch = binaryFile(0, [[0], [1], [0], [1]]);
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged(batch), flipped(batch), fc.uint8Array({ maxLength: 40 })), async (bytes) => {
      writeFileSync(join(place, 'data_batch_1.bin'), bytes);
      if (await expectSound(place, { format: 'cifar' })) sound += 1;
    }),
    { numRuns: 150 },
  );
  expect(sound).toBeGreaterThan(10);
});

const batch = pythonFile(0, { labels: [0, 1, 0, 1] });
/** Where the instructions around the pixels are: before them, and behind them. */
const start = batch.indexOf('numpy\ndtype') + 80;

test('CIFAR pickles', async () => {
  let sound = 0;
  const tail = Buffer.concat([batch.subarray(0, start), batch.subarray(batch.length - 200)]);
  const file = fc.oneof(damaged(batch, start), flipped(batch, start), flipped(batch), damaged(tail));
  await fc.assert(
    fc.asyncProperty(file, async (bytes) => {
      writeFileSync(join(place, 'data_batch_1'), bytes);
      if (await expectSound(place, { format: 'cifar' })) sound += 1;
    }),
    { numRuns: 300 },
  );
  expect(sound).toBeGreaterThan(10);
});

test('streams of pickle instructions', () => {
  const opcodes = [...'.NKMJUTX()t]}aesuqrhjcRb'].map((character) => character.charCodeAt(0));
  const instruction = fc.oneof(
    fc.constantFrom(...opcodes, 0x80, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a).map((opcode) => Buffer.of(opcode)),
    fc
      .constantFrom('cnumpy\nndarray\n', 'cnumpy\ndtype\n', 'cnumpy.core.multiarray\n_reconstruct\n', 'cos\nsystem\n')
      .map(Buffer.from),
    fc
      .constantFrom('K\x01', 'U\x02u1', 'X\x01\0\0\0b', 'h\x01', 'q\x01', ']', '}', ')')
      .map((text) => Buffer.from(text, 'latin1')),
    fc.uint8Array({ maxLength: 4 }).map(Buffer.from),
  );
  let read = 0;
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 30 }), (instructions) => {
      const bytes = pickle((write) => write.raw(...instructions));
      try {
        unpickle(bytes);
        read += 1;
      } catch (error) {
        // An Error of its own with a reason; one of the language's kinds would be a mistake in it.
        expect((error as Error).constructor).toBe(Error);
        expect((error as Error).message).toMatch(/pickle/);
      }
    }),
    { numRuns: 5000 },
  );
  expect(read).toBeGreaterThan(0);
});

test('tar archives', async () => {
  const entries = [0, 1, 2, 3].flatMap((key) => [
    { name: `${key}${'n'.repeat(key * 60)}.jpg`, content: Buffer.from('no image') },
    { name: `${key}${'n'.repeat(key * 60)}.cls`, content: Buffer.from(String(key % 2)) },
  ]);
  let sound = 0;
  for (const format of ['gnu', 'pax', 'ustar'] as const) {
    const path = join(place, 'whole.tar');
    await writeTar(path, entries.slice(0, format === 'ustar' ? 4 : 8), { format });
    const whole = readFileSync(path);
    const used = whole.length - 4096;
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged(whole, used), flipped(whole, used), resummed(whole, used)), async (bytes) => {
        writeFileSync(join(place, 'shard.tar'), bytes);
        if (await expectSound(join(place, 'shard.tar'), { format: 'tar', holdout: 0.1 })) sound += 1;
      }),
      { numRuns: 150 },
    );
  }
  expect(sound).toBeGreaterThan(10);
});

/** Damage to headers whose checksums are right again. */
function resummed(whole: Uint8Array, span: number): fc.Arbitrary<Uint8Array> {
  return flipped(whole, span).map((bytes) => {
    for (let at = 0; at + 512 <= bytes.length; at += 512) {
      const block = bytes.subarray(at, at + 512);
      if (Buffer.from(block.subarray(257, 262)).toString() !== 'ustar') continue;
      block.fill(32, 148, 156);
      const sum = block.reduce((total, byte) => total + byte, 0);
      block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    }
    return bytes;
  });
}

test('manifests', async () => {
  for (const name of ['a.png', 'b.png', 'c.png', 'd.png']) writeFileSync(join(place, name), 'no image');
  const csv = Buffer.from('path,label,split\n"a.png",x,train\nb.png,y,\nc.png,x,val\n"d.png","y",val\n');
  const jsonl = Buffer.from(
    ['{"path":"a.png","label":0}', '{"path":"b.png","label":"1"}', '{"path":"c.png","label":1,"split":"val"}'].join(
      '\n',
    ),
  );
  const field = fc.constantFrom(
    'a.png',
    'b.png',
    './a.png',
    '"',
    '""',
    ',',
    '\n',
    '\r\n',
    'x',
    'y',
    'path',
    'label',
    '\uFEFF',
    ' ',
  );
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        damaged(csv),
        flipped(csv),
        fc.array(field, { maxLength: 20 }).map((parts) => Buffer.from(`path,label\n${parts.join('')}`)),
      ),
      async (bytes) => {
        writeFileSync(join(place, 'list.csv'), bytes);
        if ('value' in (await outcomeOf(() => describeDataset(dataConfig(join(place, 'list.csv')))))) sound += 1;
      },
    ),
    { numRuns: 300 },
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom('a.png', 'b.png', 0, 1, 'train', 'val', '__proto__'),
  );
  const line = fc
    .record({ path: value, label: value, split: value }, { requiredKeys: [] })
    .map((row) => JSON.stringify(row));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        damaged(jsonl),
        fc.array(line, { maxLength: 4 }).map((lines) => Buffer.from(lines.join('\n'))),
      ),
      async (bytes) => {
        writeFileSync(join(place, 'list.jsonl'), bytes);
        if ('value' in (await outcomeOf(() => describeDataset(dataConfig(join(place, 'list.jsonl')))))) sound += 1;
      },
    ),
    { numRuns: 300 },
  );
  expect(sound).toBeGreaterThan(20);
});

test('descriptions of packed sets', async () => {
  const whole = join(place, 'whole');
  await preparePacked(dataConfig('shapes', { shapes: { train: 20, validation: 10 } }, { imageSize: 4 }), whole);
  const text = readFileSync(join(whole, PACKED_FILE), 'utf8');
  const { sha256: _, ...description } = JSON.parse(text);
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom<unknown>(0, -1, 1e300, 2 ** 31, '../train.pixels', []),
  );
  const keys = ['packed', 'size', 'channels', 'classes', 'splits', 'origin', 'splits.train', 'splits.train.images'];
  const files = [
    'splits.train.pixels',
    'splits.train.pixels.name',
    'splits.train.labels.bytes',
    'splits.train.labels.sha256',
  ];
  // A value that cannot be written into a message as it is.
  const wordless = Buffer.from(JSON.stringify({ ...description, packed: { toString: '' } }));
  // Described anew, so that its own SHA-256 is right.
  const edited = fc.tuple(fc.constantFrom(...keys, ...files), value).map(([key, put]) => {
    const copy = structuredClone(description);
    const path = key.split('.');
    const name = path.pop() as string;
    path.reduce((section, part) => section[part], copy)[name] = put;
    return Buffer.from(packedText(copy));
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(damaged(Buffer.from(text)), edited), async (bytes) => {
      writeFileSync(join(whole, PACKED_FILE), bytes);
      await expectSound(whole, { format: 'packed' });
    }),
    { numRuns: 200, examples: [[wordless]] },
  );
  writeFileSync(join(whole, PACKED_FILE), text);
  expect(await expectSound(whole, {})).toBe(true);
});

test('patterns of shards', async () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '..',
    ',',
    '*',
    '?',
    '0',
    '9',
    '000',
    '99999999',
    'a',
    '.tar',
    '/',
    '[',
    '\\',
    '(',
    '\0',
    '🐣',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const outcome = await outcomeOf(() =>
        describeDataset(dataConfig(`${place}/${pieces.join('')}`, { format: 'tar' })),
      );
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^DATA_/) });
    }),
    { numRuns: 500 },
  );
});
