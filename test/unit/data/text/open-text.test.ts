import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RunConfig, runConfigSchema } from '../../../../src/config/schema.ts';
import { assertSameDataset } from '../../../../src/data/identity.ts';
import { openText } from '../../../../src/data/text/open-text.ts';
import { tokenizerText } from '../../../../src/data/text/tokenizer-file.ts';

type Files = Readonly<Record<string, string | Buffer>>;

async function folder(files: Files): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'text-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

const config = (source: string, data: object = {}, context = 4): RunConfig =>
  runConfigSchema.parse({ model: { name: 'gpt-nano', context }, data: { source, format: 'text', ...data } });
const open = (source: string, data: object = {}, context = 4) => openText(config(source, data, context));
const texts = async (source: string, data: object = {}) => {
  const { train, validation, tokenizer } = await open(source, data, 1);
  return [train, validation].map(({ tokens }) => tokenizer.decode(tokens).toString());
};
const ten = '0123456789';

describe('the files of a source', () => {
  it('are those of a folder and the folders in it, by their names, of which the ends are held out', async () => {
    const root = await folder({ 'b.txt': ten, 'a/z.md': 'abcdefghij', '.hidden': 'no', '.git/config': 'no', c: '' });
    expect(await texts(root)).toEqual(['abcdefghi\x00012345678\0', 'j\x009\0']);
    expect(await texts(root, { holdout: 0.3 })).toEqual(['abcdefg\x000123456\0', 'hij\x00789\0']);
  });

  it('may be one file, or several of a pattern', async () => {
    const root = await folder({
      'a.txt': ten,
      'b.txt': ten.replaceAll(/./g, 'b'),
      'c.md': ten,
      'd/e.txt': 'eeeeeeeeee',
    });
    expect(await texts(join(root, 'a.txt'))).toEqual(['012345678\0', '9\0']);
    expect((await texts(join(root, '*.txt')))[0]).toBe('012345678\0bbbbbbbbb\0');
    expect((await texts(join(root, '{b.txt,d}')))[0]).toBe('bbbbbbbbb\0eeeeeeeee\0');
    await expect(open(join(root, '{x,y}.txt'))).rejects.toMatchObject({ code: 'DATA_FILE' });
  });

  it('are divided as their folders say', async () => {
    const root = await folder({ 'train/a': 'training', 'test/a': 'testing', 'val/a': 'validation', other: 'other' });
    expect(await texts(root)).toEqual(['training\0', 'validation\0']);
  });

  it('count once by whatever names, and not where they hold no text', async () => {
    const root = await folder({
      a: ten,
      'image.bin': Buffer.from([1, 0, 2]),
      'utf16.txt': Buffer.from('text', 'utf16le'),
    });
    await symlink('a', join(root, 'b'));
    await symlink('nowhere', join(root, 'broken'));
    await symlink('.', join(root, 'loop'));
    const { files, notes } = await open(root, {}, 2);
    expect(files).toBe(1);
    expect(notes).toEqual([
      '2 files that hold no text are passed over.',
      '1 further names of the same files are passed over.',
    ]);
    expect((await texts(join(root, 'image.bin'), { holdout: 0.4 }))[0]).toBe('\x01\0\0');
  });

  it.each<[string, Files, string, RegExp]>([
    ['nothing', {}, 'DATA_EMPTY', /holds no text/],
    ['empty files', { a: '', b: '' }, 'DATA_EMPTY', /holds no text/],
    ['one character', { a: 'x' }, 'DATA_TOO_FEW', /has \d tokens for training, which are no sequence of 4/],
    ['little to hold out', { a: 'abcd', b: 'efgh' }, 'DATA_TOO_FEW', /has 0 tokens for validation/],
  ])('are an error where there is %s', async (_, files, code, message) => {
    await expect(open(await folder(files))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('are an error where there is no such place', async () => {
    await expect(open('/nowhere/at all')).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  });
});

it('what is held out begins with a character', async () => {
  const [train = '', validation = ''] = await texts(await folder({ a: 'ü'.repeat(9) }), { holdout: 0.5 });
  expect([train, validation]).toEqual(['üüüüü\0', 'üüüü\0']);
});

it.each<[string, Buffer]>([
  ['invalid UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0xe2, 0x82, 0x0a, 0x80, 0x80, 0x80, 0x80, 0x80])],
  ['a byte-order mark', Buffer.from('\ufeffIt begins with a mark.\n')],
  ["Windows' line ends", Buffer.from('One line\r\nand another\r\n\r\n'.repeat(9))],
  ['long lines', Buffer.from('word'.repeat(300_000))],
  ['long lines of long characters', Buffer.concat([Buffer.from('x'), Buffer.from('💧'.repeat(300_000))])],
  ['no line', Buffer.from(Array.from({ length: 1_200_000 }, (_, at) => 0x80 + (at % 64)))],
])('every byte is kept of %s', async (_, content) => {
  for (const vocabulary of [256, 300]) {
    const { train, validation, tokenizer } = await open(await folder({ a: content }), { vocabulary }, 2);
    const whole = [train, validation].map(({ tokens }) => tokenizer.decode(tokens).subarray(0, -1));
    expect(Buffer.concat(whole).equals(content)).toBe(true);
  }
});

describe('a part of the text', () => {
  it('is the beginning of every document, and smaller ones are contained in larger ones', async () => {
    const root = await folder({ a: 'abcdefghij'.repeat(10), b: ten.repeat(20) });
    const all = (await texts(root))[0] as string;
    const sizes = ['10%', '25%', '50%', '99%'];
    const parts = await Promise.all(sizes.map(async (trainLimit) => (await texts(root, { trainLimit }))[0] as string));
    for (const [index, part] of parts.entries()) {
      const [letters = '', digits = ''] = [part.replaceAll(/[^a-j]/g, ''), part.replaceAll(/\D/g, '')];
      expect('abcdefghij'.repeat(10).startsWith(letters) && ten.repeat(20).startsWith(digits)).toBe(true);
      expect(part.length / all.length).toBeCloseTo(Number.parseFloat(sizes[index] as string) / 100, 1);
      const before = parts[index - 1] ?? '';
      expect(before.replaceAll(/\D/g, '').length).toBeLessThanOrEqual(digits.length);
    }
  });

  it('may be so many sequences at most, also of what is held out', async () => {
    const root = await folder({ a: ten.repeat(100) });
    const { train, validation } = await open(root, { trainLimit: 10, validationLimit: 3 }, 8);
    expect([train.length, train.tokens.length, validation.tokens.length]).toEqual([10, 80, 24]);
  });
});

describe('the tokenizer', () => {
  const document = 'the licence of the work is the licence of the text\n'.repeat(40);

  it('is learnt from what is for training, and the same for every part of it', async () => {
    const root = await folder({ a: document + 'zq'.repeat(100) });
    const { tokenizer, identity } = await open(root, { vocabulary: 300 });
    const names = tokenizer.vocabulary.tokens.map(String);
    expect(names).toContain(' licence');
    expect(names).not.toContain('zq');
    expect(identity.tokens?.vocabulary).toBe(tokenizer.size);
    expect((await open(root, { vocabulary: 300, trainLimit: '20%' })).tokenizer.fingerprint).toBe(
      tokenizer.fingerprint,
    );
  });

  it('may be one that there is', async () => {
    const { tokenizer } = await open(await folder({ a: document }), { vocabulary: 280 });
    const place = await folder({ 'tokenizer.json': tokenizerText(tokenizer.vocabulary) });
    const other = await open(await folder({ a: `${ten.repeat(20)} the licence` }), {
      tokenizer: join(place, 'tokenizer.json'),
    });
    expect(other.tokenizer.fingerprint).toBe(tokenizer.fingerprint);
    await expect(open(await folder({ a: document }), { tokenizer: join(place, 'none.json') })).rejects.toMatchObject({
      code: 'DATA_TOKENIZER',
    });
  });
});

describe('the identity', () => {
  it('stays while files, tokens and context do', async () => {
    const files = { 'a.txt': ten.repeat(9), b: 'text '.repeat(30) };
    const root = await folder(files);
    const { identity } = await open(root);
    assertSameDataset(identity, (await open(root)).identity);
    const others = [
      await open(root, {}, 3),
      await open(root, { vocabulary: 270 }),
      await open(root, { holdout: 0.2 }),
      await open(root, { trainLimit: '50%' }),
      await open(await folder({ ...files, b: 'test '.repeat(30) })),
      await open(await folder({ 'a.txt': files['a.txt'], c: files.b })),
    ];
    for (const other of others) {
      expect(() => assertSameDataset(identity, other.identity)).toThrow(
        expect.objectContaining({ code: 'DATA_CHANGED' }),
      );
    }
    expect(() => assertSameDataset(identity, (others[3] as (typeof others)[number]).identity)).toThrow(
      /training sequences 54 → 27/,
    );
  });
});
