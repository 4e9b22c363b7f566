import type { RunConfig } from '../../config/schema.ts';
import { openText } from './open-text.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { Tokens } from './tokens.ts';

/** What a text is. */
export interface TextInspection {
  readonly source: string;
  readonly format: 'text';
  readonly files: number;
  readonly bytes: SplitCounts;
  readonly tokens: SplitCounts;
  readonly vocabulary: number;
  /** The tokens that occur most often in what is for training, with what they stand for. */
  readonly frequent: readonly { readonly token: number; readonly text: string; readonly count: number }[];
  /** Tokens that never occur in what is for training. */
  readonly unseen: number;
  readonly fingerprint: string;
  readonly problems: readonly string[];
}

interface SplitCounts {
  readonly train: number;
  readonly validation: number;
}

/** Tokens that are listed. */
const LISTED = 10;

/**
 * Looks at the configured text, all of it.
 *
 * @throws DATA_* where it cannot be used at all
 */
export async function inspectText(config: RunConfig): Promise<TextInspection> {
  // Whatever is long enough to be looked at: the context is a model's business.
  const { identity, tokenizer, train, validation, files, bytes, notes } = await openText({
    ...config,
    model: { ...config.model, context: 1 },
  });
  const counts = countTokens(train.tokens, tokenizer);
  return {
    source: identity.source,
    format: 'text',
    files,
    bytes,
    tokens: { train: train.tokens.length, validation: validation.tokens.length },
    vocabulary: tokenizer.size,
    frequent: [...counts.entries()]
      .filter(([, count]) => count > 0)
      .sort(([a, first], [b, second]) => second - first || a - b)
      .slice(0, LISTED)
      .map(([token, count]) => ({ token, text: tokenizer.decode([token]).toString(), count })),
    unseen: counts.filter((count) => count === 0).length,
    fingerprint: identity.fingerprint,
    problems: [...notes, ...vocabularyProblems(config, tokenizer)],
  };
}

function countTokens(tokens: Tokens, { size }: Tokenizer): number[] {
  const counts = new Array<number>(size).fill(0);
  for (const token of tokens) counts[token] = (counts[token] as number) + 1;
  return counts;
}

function vocabularyProblems({ data }: RunConfig, { size }: Tokenizer): string[] {
  if (data.tokenizer !== null || size === data.vocabulary) return [];
  return [`No further pair occurs twice in a word: the vocabulary has ${size} tokens instead of ${data.vocabulary}.`];
}
