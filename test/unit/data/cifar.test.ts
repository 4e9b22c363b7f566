import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertSameDataset } from '../../../src/data/identity.ts';
import { describeDataset, openDataset } from '../../../src/data/open.ts';
import { binaryFile, pickle, pixels, pythonFile, pythonNames } from '../../support/cifar-files.ts';
import { dataConfig } from '../../support/data-config.ts';
import { writeTar } from '../../support/python-tar.ts';

const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const fineNames = Array.from({ length: 100 }, (_, label) => `fine ${String(label).padStart(2, '0')}`);
const labels = (count: number, shift = 0) => Array.from({ length: count }, (_, index) => (index + shift) % 10);

/** Two batches of training images and one of test images, twelve each; images are numbered through. */
const forms: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
  'cifar-10-batches-bin': {
    'batches.meta.txt': Buffer.from(`${names.join('\n')}\n\n`),
    'data_batch_1.bin': binaryFile(
      0,
      labels(12).map((label) => [label]),
    ),
    'data_batch_2.bin': binaryFile(
      12,
      labels(12, 5).map((label) => [label]),
    ),
    'test_batch.bin': binaryFile(
      24,
      labels(12, 3).map((label) => [label]),
    ),
    'readme.html': Buffer.from('<html>'),
  },
  'cifar-10-batches-py': {
    'batches.meta': pythonNames('label_names', names),
    data_batch_1: pythonFile(0, { labels: labels(12) }),
    data_batch_2: pythonFile(12, { labels: labels(12, 5) }),
    test_batch: pythonFile(24, { labels: labels(12, 3) }),
    'readme.html': Buffer.from('<html>'),
  },
  'cifar-100-binary': {
    'fine_label_names.txt': Buffer.from(`${fineNames.join('\n')}\n`),
    'coarse_label_names.txt': Buffer.from('coarse\n'),
    'train.bin': binaryFile(
      0,
      labels(24).map((label) => [label % 5, 99 - label]),
    ),
    'test.bin': binaryFile(
      24,
      labels(12, 3).map((label) => [label % 5, 99 - label]),
    ),
  },
  'cifar-100-python': {
    meta: pythonNames('fine_label_names', fineNames),
    train: pythonFile(0, { fine_labels: labels(24).map((label) => 99 - label), coarse_labels: labels(24) }),
    test: pythonFile(24, { fine_labels: labels(12, 3).map((label) => 99 - label), coarse_labels: labels(12) }),
    'file.txt~': Buffer.from(''),
  },
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'incubate cifar 🖼 '));
  return () => rm(root, { recursive: true });
});

async function unpack(form: string, changes: Readonly<Record<string, Uint8Array | null>> = {}): Promise<string> {
  await mkdir(join(root, form));
  for (const [name, content] of Object.entries({ ...forms[form], ...changes })) {
    if (content) await writeFile(join(root, form, name), content);
  }
  return join(root, form);
}

async function archive(form: string): Promise<string> {
  const path = join(root, `${form}.tar.gz`);
  const entries = Object.entries(forms[form] ?? {}).map(([name, content]) => ({ name: `${form}/${name}`, content }));
  await writeTar(path, [{ name: form, directory: true }, ...entries], { format: 'gnu', gzip: true });
  return path;
}

describe.each(Object.keys(forms))('%s', (form) => {
  const isFine = form.startsWith('cifar-100');
  const expected = (index: number) => {
    const label = index < 12 ? index % 10 : index < 24 ? (index - 12 + (isFine ? 12 : 5)) % 10 : (index - 24 + 3) % 10;
    return isFine ? 99 - label : label;
  };

  it.each(['unpacked', 'within a folder', 'as the archive', 'as the archive within a folder'])(
    '%s has its images, labels and names',
    async (how) => {
      const place = how.includes('archive') ? await archive(form) : await unpack(form);
      const named = how === 'as the archive within a folder' && /^cifar-100?-(?:binary|python)$/.test(form);
      // The archive is called otherwise than its folder for CIFAR-10, so only a folder's name tells there.
      const source = how === 'within a folder' || named ? root : place;
      const { identity, train, validation } = await openDataset(dataConfig(source));
      expect(identity.classes).toEqual(isFine ? fineNames : names);
      expect([train.length, validation.length]).toEqual([24, 12]);
      for (let index = 0; index < 36; index++) {
        const [split, within] = index < 24 ? [train, index] : [validation, index - 24];
        expect([index, split.label(within)]).toEqual([index, expected(index)]);
        expect(new Uint8Array(await split.image(within))).toEqual(pixels(index));
      }
    },
  );

  it('is the same data set packed and unpacked, and another one when a byte changes', async () => {
    const folder = await describeDataset(dataConfig(await unpack(form)));
    const packed = await describeDataset(dataConfig(await archive(form)));
    expect(packed.fingerprint).toBe(folder.fingerprint);
    const [name = '', content = new Uint8Array()] =
      Object.entries(forms[form] ?? {}).find(([file]) => /^test/.test(file)) ?? [];
    const changed = Uint8Array.from(content);
    // A place among the pixels in every form.
    const middle = Math.floor(changed.length / 2) + 100;
    changed[middle] = ((changed[middle] as number) + 1) % 256;
    await writeFile(join(root, form, name), changed);
    const now = await describeDataset(dataConfig(join(root, form)));
    expect(() => assertSameDataset(folder, now)).toThrow(expect.objectContaining({ code: 'DATA_CHANGED' }));
  });
});

it('an archive in a folder is found by its published name', async () => {
  const path = await archive('cifar-10-batches-bin');
  await execa('mv', [path, join(root, 'cifar-10-binary.tar.gz')]);
  expect((await describeDataset(dataConfig(root))).train).toBe(24);
});

it('without a test batch a share is held out, and without names classes have numbers', async () => {
  const changes = { 'test_batch.bin': null, 'batches.meta.txt': null };
  const place = await unpack('cifar-10-batches-bin', changes);
  const { identity, train, validation } = await openDataset(dataConfig(place, { format: 'cifar', holdout: 0.4 }));
  expect(identity.classes).toEqual(Array.from({ length: 10 }, (_, label) => String(label)));
  expect(train.length + validation.length).toBe(24);
  expect(new Set(Array.from({ length: validation.length }, (_, index) => validation.label(index))).size).toBe(10);
});

it('images of another size or in grey are made of the same pixels', async () => {
  const place = await unpack('cifar-10-batches-bin');
  const small = await openDataset(dataConfig(place, {}, { imageSize: 16 }));
  expect((await small.train.image(0)).length).toBe(16 * 16 * 3);
  const grey = await openDataset(dataConfig(place, {}, { imageSize: 32, channels: 1 }));
  const [image, colours] = [await grey.train.image(3), pixels(3)];
  expect(image.length).toBe(1024);
  // libvips weighs linear light by Rec. 709, so a grey value lies between the least and the largest of the three.
  for (const at of [0, 500, 1023]) {
    const three = [...colours.subarray(3 * at, 3 * at + 3)];
    expect(image[at]).toBeGreaterThanOrEqual(Math.min(...three) - 1);
    expect(image[at]).toBeLessThanOrEqual(Math.max(...three) + 1);
  }
});

describe('refuses', () => {
  const list = (write: Parameters<Parameters<typeof pickle>[0]>[0], values: readonly number[]) => () =>
    write.list(values.map((value) => () => write.int(value)));
  const pickled = (body: Parameters<typeof pickle>[0]) => ({ data_batch_1: pickle(body) });
  const batch = forms['cifar-10-batches-py']?.data_batch_1 as Uint8Array;

  it.each<[string, string, Readonly<Record<string, Uint8Array | null>>, RegExp]>([
    [
      'a record that is cut short',
      'cifar-10-batches-bin',
      { 'data_batch_2.bin': binaryFile(0, [[1]]).subarray(0, 3000) },
      /data_batch_2\.bin: its 3000 bytes are no whole number of records of 3073/,
    ],
    [
      'a label that there is not',
      'cifar-10-batches-bin',
      { 'test_batch.bin': binaryFile(0, [[1], [10]]) },
      /test_batch\.bin: image 1 has the label 10, but there are 10 classes/,
    ],
    ['a batch that is missing', 'cifar-10-batches-bin', { 'data_batch_1.bin': null }, /leave out number 1/],
    [
      'names that are too few',
      'cifar-10-batches-bin',
      { 'batches.meta.txt': Buffer.from('cat\ndog\n') },
      /names 2 classes instead of 10/,
    ],
    [
      'a pickle that is cut short',
      'cifar-10-batches-py',
      { data_batch_1: batch.subarray(0, 5000) },
      /cut short at byte/,
    ],
    ['what follows a pickle', 'cifar-10-batches-py', { data_batch_1: Buffer.concat([batch, batch]) }, /ends at byte/],
    [
      'a pickle of protocol 0',
      'cifar-10-batches-py',
      { data_batch_1: Buffer.from("(dp1\nS'data'\n.") },
      /no pickle of protocol 2/,
    ],
    [
      'a pickle of protocol 4',
      'cifar-10-batches-py',
      { data_batch_1: Buffer.from([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x4e, 0x2e]) },
      /of protocol 4/,
    ],
    [
      'a pickle that calls os.system',
      'cifar-10-batches-py',
      pickled((write) => {
        write.raw('cos\nsystem\n');
        write.bytes('true');
        write.raw(0x85, 'R');
      }),
      /asks for "os\.system", which is not allowed/,
    ],
    [
      'a pickle that calls eval',
      'cifar-10-batches-py',
      pickled((write) => write.raw('c__builtin__\neval\n')),
      /"__builtin__\.eval"/,
    ],
    [
      'an instruction that builds objects',
      'cifar-10-batches-py',
      pickled((write) => write.raw('(', 'i', 'os\nsystem\n')),
      /the instruction 'i' \(0x69\)/,
    ],
    [
      'an array of other numbers',
      'cifar-10-batches-py',
      { data_batch_1: Buffer.from(Buffer.from(batch).toString('latin1').replace('u1', 'f8'), 'latin1') },
      /an array of "f8"/,
    ],
    [
      'an array that does not fit its shape',
      'cifar-10-batches-py',
      pickled((write) => write.dict([['data', () => write.array([2, 3072], new Uint8Array(3072))]])),
      /3072 bytes do not fit its shape/,
    ],
    [
      'fewer labels than images',
      'cifar-10-batches-py',
      pickled((write) =>
        write.dict([
          ['data', () => write.array([1, 3072], new Uint8Array(3072))],
          ['labels', list(write, [1, 2])],
        ]),
      ),
      /shape \(1, 3072\) instead of \(2, 3072\)/,
    ],
    [
      'a text of four gigabytes that is not there',
      'cifar-10-batches-py',
      pickled((write) => write.raw('T', 0xff, 0xff, 0xff, 0xff, 'x')),
      /cut short/,
    ],
    ['a dict without data', 'cifar-10-batches-py', pickled((write) => write.dict([])), /no array 'data'/],
  ])('%s', async (_, form, changes, message) => {
    const place = await unpack(form, changes);
    const error = await describeDataset(dataConfig(place, { format: 'cifar' })).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'DATA_FILE',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  it('an archive that is cut short, and one without images', async () => {
    const path = await archive('cifar-10-batches-bin');
    await execa('truncate', ['-s', '2000', path]);
    await expect(describeDataset(dataConfig(path))).rejects.toMatchObject({ code: 'DATA_FILE' });
    await writeTar(path, [{ name: 'notes.txt', content: Buffer.from('none') }], { gzip: true });
    await expect(describeDataset(dataConfig(path))).rejects.toMatchObject({ code: 'DATA_FORMAT' });
  });

  it('a folder that holds two of them', async () => {
    await unpack('cifar-10-batches-bin');
    await unpack('cifar-100-python');
    await expect(describeDataset(dataConfig(root))).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      message: expect.stringContaining('cifar-10-batches-bin, cifar-100-python'),
    });
  });
});

it('the pickles of these tests are what Python reads', async () => {
  const program = `
import hashlib, pickle, sys
class Array:
    def __setstate__(self, state):
        _, self.shape, _, _, self.data = state
    def tobytes(self):
        return self.data
class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        return {'_reconstruct': lambda *args: Array(), 'ndarray': Array, 'dtype': lambda *args: Dtype()}[name]
class Dtype:
    def __setstate__(self, state):
        pass
with open(sys.argv[1], 'rb') as file:
    try:
        import numpy
        batch = pickle.load(file, encoding='bytes')
        assert batch[b'data'].dtype == numpy.uint8
    except ImportError:
        batch = Reader(file, encoding='bytes').load()
print(batch[b'data'].shape, hashlib.sha256(batch[b'data'].tobytes()).hexdigest(), batch[b'labels'], batch[b'filenames'][-1])
`;
  const place = await unpack('cifar-10-batches-py');
  const { stdout } = await execa('python3', ['-c', program, join(place, 'data_batch_2')]);
  const { createHash } = await import('node:crypto');
  const data = binaryFile(
    12,
    Array.from({ length: 12 }, () => []),
  );
  const sha256 = createHash('sha256').update(data).digest('hex');
  expect(stdout).toBe(`(12, 3072) ${sha256} [${labels(12, 5).join(', ')}] b'image_11.png'`);
});
