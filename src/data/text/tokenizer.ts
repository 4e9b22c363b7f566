import { createHash } from 'node:crypto';
import { tokenizerText, type Vocabulary } from './tokenizer-file.ts';
import { eachWord } from './words.ts';

/** Turns text into numbers and back, byte for byte (byte-level BPE; Sennrich et al., 2016; Radford et al., 2019). */
export interface Tokenizer {
  readonly vocabulary: Vocabulary;
  /** Numbers that there are: the width of a model's output. */
  readonly size: number;
  /** SHA-256 of its file. */
  readonly fingerprint: string;
  /** Calls with the tokens of a text in their order. */
  encode(text: Buffer, visit: (token: number) => void): void;
  /** The bytes that tokens stand for. Throws a RangeError for a token that there is not. */
  decode(tokens: Iterable<number>): Buffer;
}

/** Words whose tokens are remembered. */
const REMEMBERED = 1 << 16;

export function createTokenizer(vocabulary: Vocabulary): Tokenizer {
  const { tokens, merges } = vocabulary;
  const size = tokens.length;
  const ofByte = byteTokens(vocabulary);
  const ranks = new Map(merges.map(({ left, right }, rank) => [left * size + right, rank]));
  const known = new Map<string, readonly number[]>();

  /** Merges the pair that was learnt first, wherever it stands, and so on until there is none. */
  const split = (bytes: Buffer): number[] => {
    let parts = Array.from(bytes, (byte) => ofByte[byte] as number);
    for (;;) {
      let first = merges.length;
      for (let at = 1; at < parts.length; at++) {
        const rank = ranks.get((parts[at - 1] as number) * size + (parts[at] as number));
        if (rank !== undefined && rank < first) first = rank;
      }
      const merge = merges[first];
      if (!merge) return parts;
      parts = merged(parts, merge);
    }
  };
  const tokensOf = (word: string): readonly number[] => {
    const found = known.get(word);
    if (found) return found;
    const bytes = Buffer.from(word);
    const parts = split(bytes);
    if (known.size === REMEMBERED) known.clear();
    // A copy: the word itself may be a slice that keeps all of its text in memory.
    known.set(bytes.toString(), parts);
    return parts;
  };

  return {
    vocabulary,
    size,
    fingerprint: createHash('sha256').update(tokenizerText(vocabulary)).digest('hex'),
    encode(text, visit) {
      const visitByte = (byte: number) => visit(ofByte[byte] as number);
      if (merges.length === 0) return text.forEach(visitByte);
      eachWord(text, (word) => {
        if (typeof word === 'number') visitByte(word);
        else for (const token of tokensOf(word)) visit(token);
      });
    },
    decode: (numbers) =>
      Buffer.concat(
        Array.from(numbers, (token) => {
          const bytes = tokens[token];
          if (!bytes) throw new RangeError(`there is no token ${token}`);
          return bytes;
        }),
      ),
  };
}

/** The token of every byte. */
function byteTokens({ tokens }: Vocabulary): Uint32Array {
  const ofByte = new Uint32Array(256);
  for (const [token, bytes] of tokens.entries()) if (bytes?.length === 1) ofByte[bytes[0] as number] = token;
  return ofByte;
}

/** Tokens with every pair, from left to right, replaced by what it is merged into. */
export function merged(tokens: readonly number[], { left, right, token }: Vocabulary['merges'][number]): number[] {
  const result: number[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const isPair = tokens[at] === left && tokens[at + 1] === right;
    result.push(isPair ? token : (tokens[at] as number));
    if (isPair) at += 1;
  }
  return result;
}
