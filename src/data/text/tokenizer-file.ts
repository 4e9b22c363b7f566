import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { IncubateError, messageOf } from '../../util/errors.ts';

/** What a tokenizer knows: the bytes of its tokens, and which pairs become one, those that were learnt first first. */
export interface Vocabulary {
  /** By token; undefined where no text is written so. */
  readonly tokens: readonly (Buffer | undefined)[];
  readonly merges: readonly { readonly left: number; readonly right: number; readonly token: number }[];
}

/** Numbers above this are no tokens of a text, but a damaged file. */
const MOST_TOKENS = 1 << 24;

/**
 * What a tokenizer is in `tokenizer.json` of Hugging Face's tokenizers: byte-level BPE as GPT-2's, without anything that
 * would change the text.
 */
const fileSchema = z.looseObject({
  normalizer: z.null().optional(),
  pre_tokenizer: z.looseObject({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.literal(false),
    use_regex: z.literal(true).optional(),
  }),
  model: z.looseObject({
    type: z.literal('BPE').optional(),
    dropout: z.null().optional(),
    continuing_subword_prefix: z.union([z.null(), z.literal('')]).optional(),
    end_of_word_suffix: z.union([z.null(), z.literal('')]).optional(),
    byte_fallback: z.literal(false).optional(),
    ignore_merges: z.literal(false).optional(),
    vocab: z.record(z.string(), z.int().min(0).max(MOST_TOKENS)),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

/** The file of a tokenizer. The same vocabulary has the same bytes. */
export function tokenizerText({ tokens, merges }: Vocabulary): string {
  const named = tokens.flatMap((bytes, token) => (bytes ? [[nameOf(bytes), token] as const] : []));
  const name = (token: number) => nameOf(tokens[token] as Buffer);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(named),
      merges: merges.map(({ left, right }) => `${name(left)} ${name(right)}`),
    },
  };
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** Reads the file of a tokenizer. Throws DATA_TOKENIZER where it is none that can be used. */
export async function readTokenizerFile(path: string): Promise<Vocabulary> {
  const wrong = (reason: string, cause?: unknown) =>
    new IncubateError('DATA_TOKENIZER', `the tokenizer ${path} cannot be used: ${reason}`, {
      hint: 'It must be a tokenizer.json with byte-level BPE, as GPT-2 has it or a run has kept it.',
      ...(cause === undefined ? {} : { cause }),
    });
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  const { data, error } = fileSchema.safeParse(content);
  if (!data) {
    const issue = error.issues[0];
    throw wrong(`${issue?.path.join('.') || 'its content'}: ${issue?.message}`);
  }
  try {
    return vocabularyOf(data.model);
  } catch (cause) {
    throw wrong(messageOf(cause), cause);
  }
}

/** Throws a RangeError saying what of it does not fit together. */
function vocabularyOf({ vocab, merges }: z.output<typeof fileSchema>['model']): Vocabulary {
  const numbers = new Map(Object.entries(vocab));
  const tokens: (Buffer | undefined)[] = [];
  for (const [name, token] of numbers) tokens[token] = bytesOf(name);
  const missing = characters.findIndex((name) => !numbers.has(name));
  if (missing >= 0) throw new RangeError(`it has no token for the byte ${missing}`);
  const numberOf = (name: string, pair: string) => {
    const token = numbers.get(name);
    if (token === undefined) throw new RangeError(`'${name}' of the pair '${pair}' is no token`);
    return token;
  };
  return {
    tokens,
    merges: merges.map((pair) => {
      const [left = '', right = ''] = typeof pair === 'string' ? pair.split(' ') : pair;
      const text = `${left} ${right}`;
      return { left: numberOf(left, text), right: numberOf(right, text), token: numberOf(left + right, text) };
    }),
  };
}

/** The character that stands for each byte in names: itself where it can be seen, otherwise one from 256 on (GPT-2). */
const characters: readonly string[] = (() => {
  const isSeen = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let unseen = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isSeen(byte) ? byte : 256 + unseen++));
})();

const byteOf = new Map(characters.map((character, byte) => [character, byte]));

function nameOf(bytes: Buffer): string {
  return Array.from(bytes, (byte) => characters[byte]).join('');
}

/** The bytes of a name; undefined where it is no name of bytes, as those of special tokens may be. */
function bytesOf(name: string): Buffer | undefined {
  const bytes = Array.from(name, (character) => byteOf.get(character));
  return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes as number[]) : undefined;
}
