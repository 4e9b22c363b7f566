import { createHash, type Hash } from 'node:crypto';
import type { RunConfig } from '../../config/schema.ts';
import type { DatasetIdentity } from '../../protocol/run.ts';
import { IncubateError } from '../../util/errors.ts';
import { findText, type TextPart } from './find-text.ts';
import { learnVocabulary } from './learn-vocabulary.ts';
import { nextCharacter, piecesOf } from './read-text.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';
import { readTokenizerFile } from './tokenizer-file.ts';
import { beginnings, collectTokens, type TokenisedText, type Tokens } from './tokens.ts';
import { evaluationSplit, type TokenSplit, trainingSplit } from './windows.ts';
import { eachWord } from './words.ts';

/** Text as tokens, ready to be read. */
export interface TextDataset {
  readonly identity: DatasetIdentity;
  readonly train: TokenSplit;
  readonly validation: TokenSplit;
  readonly tokenizer: Tokenizer;
  /** Files, and bytes of what is used for training and validation before it is limited. */
  readonly files: number;
  readonly bytes: { readonly train: number; readonly validation: number };
  /** What was noticed and passed over, as full sentences. */
  readonly notes: readonly string[];
}

/** Stands between documents; no text in UTF-8 has it. */
const SEPARATOR = Buffer.of(0);
/** Bytes of the text that a vocabulary is learnt from: of more, every so many pieces. */
const LEARNT_BYTES = 2 ** 26;

/**
 * Reads the configured text and turns all of it into tokens: those of `data.tokenizer`, or else of a tokenizer that is learnt
 * from what is for training.
 *
 * @throws DATA_* where there is no text, it cannot be read, or it is too short
 */
export async function openText({ data, model }: RunConfig): Promise<TextDataset> {
  const { context } = model;
  const { source, holdout } = data;
  const found = await findText(source);
  const parts = found.validation ? { ...found, validation: found.validation } : await heldOut(found.train, holdout);
  const tokenizer = await tokenizerOf(data, parts.train);
  const content = createHash('sha256');
  const read = async (split: readonly TextPart[], limit: number | string | null, context: number) => {
    const text = await tokenise(split, tokenizer, content);
    return beginnings(text, tokensOf(limit, text, context));
  };
  const train = await read(parts.train, data.trainLimit, context);
  const validation = await read(parts.validation, data.validationLimit, context);
  checkLength(source, { train, validation }, context);
  const splits = { train: trainingSplit(train, context), validation: evaluationSplit(validation, context) };
  const tokens = { vocabulary: tokenizer.size, train: train.length, validation: validation.length };
  const what = [tokenizer.fingerprint, content.digest('hex'), context, tokens.train, tokens.validation];
  return {
    identity: {
      source,
      classes: [],
      tokens,
      train: splits.train.length,
      validation: splits.validation.length,
      fingerprint: createHash('sha256').update(JSON.stringify(what)).digest('hex'),
    },
    ...splits,
    tokenizer,
    files: new Set([...parts.train, ...parts.validation].map(({ path }) => path)).size,
    bytes: { train: bytesIn(parts.train), validation: bytesIn(parts.validation) },
    notes: found.notes,
  };
}

/** Of every file the end is held out, from a character on. */
async function heldOut(files: readonly TextPart[], share: number) {
  const cuts = await Promise.all(
    files.map(async (file) => {
      const cut = file.to - Math.round(file.to * share);
      return cut < file.to ? Math.min(file.to, await nextCharacter(file, cut)) : cut;
    }),
  );
  const cutAt = (index: number) => cuts[index] as number;
  return {
    train: files.map((file, index) => ({ ...file, to: cutAt(index) })),
    validation: files.map((file, index) => ({ ...file, from: cutAt(index) })),
  };
}

async function tokenizerOf(
  { tokenizer, vocabulary }: RunConfig['data'],
  train: readonly TextPart[],
): Promise<Tokenizer> {
  if (tokenizer !== null) return createTokenizer(await readTokenizerFile(tokenizer));
  const words = vocabulary > 256 ? await countWords(train) : new Map<string, number>();
  return createTokenizer(learnVocabulary(words, vocabulary));
}

async function countWords(parts: readonly TextPart[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const every = Math.ceil(bytesIn(parts) / LEARNT_BYTES);
  let piece = 0;
  for (const part of parts) {
    for await (const bytes of piecesOf(part)) {
      if (piece++ % every > 0) continue;
      eachWord(bytes, (word) => {
        if (typeof word === 'number') return;
        const count = counts.get(word);
        // A copy: the word itself may be a slice that keeps all of its text in memory.
        counts.set(count === undefined ? Buffer.from(word).toString() : word, (count ?? 0) + 1);
      });
    }
  }
  return counts;
}

/** The tokens of parts of files, each followed by the separator, with their names and bytes added to a hash. */
async function tokenise(parts: readonly TextPart[], tokenizer: Tokenizer, content: Hash): Promise<TokenisedText> {
  const collected = collectTokens(tokenizer.size, bytesIn(parts) + parts.length);
  for (const part of parts) {
    if (part.from === part.to) continue;
    content.update(JSON.stringify([part.name, part.from, part.to]));
    for await (const bytes of piecesOf(part)) {
      content.update(bytes);
      tokenizer.encode(bytes, collected.add);
    }
    tokenizer.encode(SEPARATOR, collected.add);
    collected.endDocument();
  }
  return collected.text();
}

/** Tokens that a limit stands for: a share of them, or so many sequences. */
function tokensOf(limit: number | string | null, { tokens }: TokenisedText, context: number): number {
  if (limit === null) return tokens.length;
  if (typeof limit === 'string') return Math.max(1, Math.round((Number.parseFloat(limit) / 100) * tokens.length));
  return limit * context;
}

function bytesIn(parts: readonly TextPart[]): number {
  return parts.reduce((sum, { from, to }) => sum + to - from, 0);
}

function checkLength(source: string, splits: Record<'train' | 'validation', Tokens>, context: number): void {
  const few = (what: string, hint: string) => new IncubateError('DATA_TOO_FEW', `the text ${source} ${what}`, { hint });
  if (splits.train.length < context + 1) {
    throw few(
      `has ${splits.train.length} tokens for training, which are no sequence of ${context} and the one after it`,
      'Give more text, or lower model.context.',
    );
  }
  if (splits.validation.length < 2) {
    throw few(
      `has ${splits.validation.length} tokens for validation, and none can be predicted from another`,
      'Give more text, or raise data.holdout.',
    );
  }
}
