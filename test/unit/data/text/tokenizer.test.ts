import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnVocabulary } from '../../../../src/data/text/learn-vocabulary.ts';
import { createTokenizer, type Tokenizer } from '../../../../src/data/text/tokenizer.ts';
import { readTokenizerFile, tokenizerText } from '../../../../src/data/text/tokenizer-file.ts';
import { eachWord } from '../../../../src/data/text/words.ts';

const wordsOf = (text: string | Buffer) => {
  const found: (string | number)[] = [];
  eachWord(Buffer.from(text as string), (word) => found.push(word));
  return found;
};
const encode = (tokenizer: Tokenizer, text: string | Buffer) => {
  const tokens: number[] = [];
  tokenizer.encode(Buffer.from(text as string), (token) => tokens.push(token));
  return tokens;
};
const counted = (text: string) => {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) if (typeof word === 'string') counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
};
const written = (tokenizer: Tokenizer, text: string) =>
  encode(tokenizer, text).map((token) => tokenizer.decode([token]).toString());

describe('words', () => {
  it("are GPT-2's", () => {
    expect(wordsOf("I'll say: don't  stop at 3.14…\n\n  Ünïcödé 東京!")).toEqual([
      'I',
      "'ll",
      ' say',
      ':',
      ' don',
      "'t",
      ' ',
      ' stop',
      ' at',
      ' 3',
      '.',
      '14',
      '…',
      '\n\n ',
      ' Ünïcödé',
      ' 東京',
      '!',
    ]);
  });

  it('are cut where they are long, between characters', () => {
    const words = wordsOf('💧'.repeat(600));
    expect(words.map((word) => [...(word as string)].length)).toEqual([256, 256, 88]);
  });

  it('are bytes where there is no UTF-8', () => {
    expect(wordsOf(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82]))).toEqual(['a', 0xff, 0xc3, '(', 0xe2, 0x82]);
  });
});

describe('a vocabulary', () => {
  it('merges the most frequent pairs first, and of equals those of the lowest numbers', () => {
    // "ab" occurs 5 times, then "abc" 3; "xy" and "yz" twice each.
    const { tokens, merges } = learnVocabulary(
      new Map([
        ['abc', 3],
        ['ab', 2],
        ['xyz', 2],
      ]),
      400,
    );
    expect(tokens.slice(256).map(String)).toEqual(['ab', 'abc', 'xy', 'xyz']);
    expect(merges).toHaveLength(4);
  });

  it('ends where no pair occurs twice, or at its size', () => {
    expect(learnVocabulary(new Map([['abcdefgh', 1]]), 400).tokens).toHaveLength(256);
    expect(learnVocabulary(counted('the cat sat on the mat '.repeat(9)), 260).tokens).toHaveLength(260);
  });

  it('equals that of counting all pairs anew after every merge', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 }),
          fc.integer({ min: 1, max: 4 }),
        ),
        (words) => {
          const counts = new Map(Object.entries(words));
          const { tokens, merges } = learnVocabulary(counts, 275);
          expect({ tokens: tokens.map((token) => token?.toString('latin1')), merges }).toEqual(naive(counts, 275));
        },
      ),
    );
  });
});

/** The definition, without any bookkeeping. */
function naive(words: ReadonlyMap<string, number>, size: number) {
  const tokens = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const merges: { left: number; right: number; token: number }[] = [];
  let spelt = Array.from(words, ([word, count]) => ({ parts: Array.from(word, (c) => c.charCodeAt(0)), count }));
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { parts, count } of spelt) {
      for (let at = 1; at < parts.length; at++) {
        const pair = `${parts[at - 1]},${parts[at]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const [best] = [...counts]
      .map(([pair, count]) => ({ pair: pair.split(',').map(Number) as [number, number], count }))
      .sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
    if (!best || best.count < 2) break;
    const [left, right] = best.pair;
    const name = `${tokens[left]}${tokens[right]}`;
    const token = tokens.includes(name) ? tokens.indexOf(name) : tokens.push(name) - 1;
    merges.push({ left, right, token });
    spelt = spelt.map(({ parts, count }) => {
      const next: number[] = [];
      for (let at = 0; at < parts.length; at++) {
        if (parts[at] === left && parts[at + 1] === right) {
          next.push(token);
          at += 1;
        } else next.push(parts[at] as number);
      }
      return { parts: next, count };
    });
  }
  return { tokens, merges };
}

describe('a tokenizer', () => {
  const text = 'The licensee may copy the licensed work; the licence ends with the work. '.repeat(20);
  const learnt = createTokenizer(learnVocabulary(counted(text), 320));
  const bytes = createTokenizer(learnVocabulary(new Map(), 256));

  it('without merges has the bytes for tokens', () => {
    expect(bytes.size).toBe(256);
    expect(encode(bytes, 'añ\0')).toEqual([0x61, 0xc3, 0xb1, 0]);
  });

  it('writes frequent words as few tokens', () => {
    expect(written(learnt, ' the licensed work')).toEqual([' the', ' licensed', ' work']);
    expect(written(learnt, 'xq')).toEqual(['x', 'q']);
    expect(encode(learnt, text).length).toBeLessThan(text.length / 4);
  });

  it.each([
    ['bytes', bytes],
    ['pairs', learnt],
  ] as const)('of %s gives back every text, byte for byte', (_, tokenizer) => {
    const texts = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom(' the', 'licens', 'ed', '\r\n', '\ufeff', ' ', '\n', 'ß', '💧', "'ll", '9'))
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(texts, (given) => {
        const tokens = encode(tokenizer, given);
        const isSound = tokens.every((token) => token >= 0 && token < tokenizer.size);
        return isSound && tokenizer.decode(tokens).equals(given);
      }),
      { numRuns: 400 },
    );
  });

  it('refuses tokens that there are not', () => {
    expect(() => learnt.decode([learnt.size])).toThrow(`there is no token ${learnt.size}`);
  });

  it('takes long lines of one word in its stride', () => {
    const random = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => 97 + ((at * at * 31 + at) % 26)));
    const started = performance.now();
    expect(learnt.decode(encode(learnt, random)).equals(random)).toBe(true);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe('the file of a tokenizer', () => {
  const vocabulary = learnVocabulary(counted('hello, hello world '.repeat(9)), 264);

  it('keeps the vocabulary', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'tokenizer-')), 'tokenizer.json');
    await writeFile(path, tokenizerText(vocabulary));
    const read = await readTokenizerFile(path);
    expect(read).toEqual(vocabulary);
    expect(createTokenizer(read).fingerprint).toBe(createTokenizer(vocabulary).fingerprint);
    expect(await readFile(path, 'utf8')).toContain('"Ġw"');
  });

  it('takes the numbers and pairs of another one as they are, and tokens that no text is written with', async () => {
    const content = JSON.parse(tokenizerText(vocabulary));
    const names = Object.keys(content.model.vocab);
    content.model.vocab = Object.fromEntries(names.map((name, index) => [name, names.length - 1 - index]));
    content.model.vocab['<|end of text|>'] = names.length;
    content.model.merges = content.model.merges.map((pair: string) => pair.split(' '));
    const path = join(await mkdtemp(join(tmpdir(), 'tokenizer-')), 'other.json');
    await writeFile(path, JSON.stringify(content));
    const other = createTokenizer(await readTokenizerFile(path));
    const own = createTokenizer(vocabulary);
    expect(other.size).toBe(names.length + 1);
    expect(written(other, 'hello world')).toEqual(written(own, 'hello world'));
    expect(() => other.decode([names.length])).toThrow(RangeError);
  });

  it.each([
    ['no JSON', '{', /cannot be used: .*JSON/],
    ['another kind', JSON.stringify({ model: { type: 'WordPiece', vocab: {} } }), /pre_tokenizer/],
    [
      'a text that is changed before',
      tokenizerText(vocabulary).replace('"normalizer": null', '"normalizer": {"type": "NFC"}'),
      /normalizer/,
    ],
    ['a byte without a token', tokenizerText(vocabulary).replace('"!": 33', '"!!": 33'), /no token for the byte 33/],
    ['a pair of nothing', tokenizerText(vocabulary).replace('"e l"', '"e 東"'), /'東' of the pair 'e 東' is no token/],
    ['a huge number', tokenizerText(vocabulary).replace('"!": 33', '"!": 99999999999'), /model.vocab.!/],
  ])('is refused where it has %s', async (_, content, reason) => {
    const path = join(await mkdtemp(join(tmpdir(), 'tokenizer-')), 'bad.json');
    await writeFile(path, content);
    await expect(readTokenizerFile(path)).rejects.toMatchObject({
      code: 'DATA_TOKENIZER',
      message: expect.stringMatching(reason),
    });
  });
});
