import { permutation, randomStream } from '../../util/random.ts';
import { moduleShare } from '../equal-share.ts';
import type { Tokens } from './tokens.ts';

/** A batch of sequences, of fixed size. */
export interface TokenBatch {
  /** [B, context + 1]: what a model sees, and one token more, which is predicted only. */
  readonly tokens: Int32Array;
  /** [B]; how many tokens of each are predicted: all, or in an evaluation fewer at the end of the text, or none. */
  readonly lengths: Int32Array;
}

/** Tokens that are read in sequences. */
export interface TokenSplit {
  readonly tokens: Tokens;
  /** Tokens that a model sees at a time. */
  readonly context: number;
  /** Sequences of an epoch, or of an evaluation. */
  readonly length: number;
}

/** What an epoch of training reads: text is a ring, and each of its tokens is predicted once, but for the rest of the division. */
export function trainingSplit(tokens: Tokens, context: number): TokenSplit {
  return { tokens, context, length: Math.floor(tokens.length / context) };
}

/** What an evaluation reads: every token but the first is predicted once, in order. */
export function evaluationSplit(tokens: Tokens, context: number): TokenSplit {
  return { tokens, context, length: Math.ceil(Math.max(0, tokens.length - 1) / context) };
}

/** The part of a text that one of several modules is trained on and no other: as many of its sequences, one after the other. */
export function textOfModule({ tokens, context, length }: TokenSplit, modules: number, index: number): TokenSplit {
  const before = Array.from({ length: index }, (_, earlier) => moduleShare(length, modules, earlier));
  const from = before.reduce((sum, share) => sum + share, 0);
  const to = from + moduleShare(length, modules, index);
  return trainingSplit(tokens.subarray(from * context, to * context), context);
}

/** At most so many sequences of an evaluation, spread evenly over it. */
export function sampleText({ tokens, context, length }: TokenSplit, most: number): TokenSplit {
  const count = Math.min(most, length);
  const sample = tokens.slice(0, count * context + 1);
  for (let place = 0; place < count; place++) {
    const from = Math.floor((place * length) / count) * context;
    sample.set(tokens.subarray(from, from + context), place * context);
  }
  return evaluationSplit(sample, context);
}

/** Which epoch is read. */
export interface EpochKey {
  readonly seed: number;
  /** Separates the orders of jobs that read the same text. */
  readonly stream: string;
  readonly epoch: number;
}

/**
 * Makes the batches of a training epoch, in any order: the ring of tokens is cut into sequences from a random place on, and
 * they come in a random order, both of which depend on (seed, stream, epoch) alone.
 */
export function trainingSequences(
  { tokens, context, length }: TokenSplit,
  { seed, stream, epoch }: EpochKey,
  batchSize: number,
): (index: number) => TokenBatch {
  const first = randomStream(seed, `offset/${stream}`, epoch).integer(tokens.length);
  const order = permutation(length, randomStream(seed, `order/${stream}`, epoch));
  return (index) => {
    const batch = emptyBatch(batchSize, context);
    for (let place = 0; place < batchSize; place++) {
      const sequence = order[index * batchSize + place] as number;
      const from = (first + sequence * context) % tokens.length;
      const row = batch.tokens.subarray(place * (context + 1), (place + 1) * (context + 1));
      const untilEnd = tokens.subarray(from, from + row.length);
      row.set(untilEnd);
      row.set(tokens.subarray(0, row.length - untilEnd.length), untilEnd.length);
      batch.lengths[place] = context;
    }
    return batch;
  };
}

/** Makes the batches of an evaluation, in any order; sequences that are not there have no length. */
export function evaluationSequences({ tokens, context }: TokenSplit, batchSize: number): (index: number) => TokenBatch {
  return (index) => {
    const batch = emptyBatch(batchSize, context);
    for (let place = 0; place < batchSize; place++) {
      const from = (index * batchSize + place) * context;
      const row = tokens.subarray(from, from + context + 1);
      batch.tokens.set(row, place * (context + 1));
      batch.lengths[place] = Math.max(0, row.length - 1);
    }
    return batch;
  };
}

function emptyBatch(batchSize: number, context: number): TokenBatch {
  return { tokens: new Int32Array(batchSize * (context + 1)), lengths: new Int32Array(batchSize) };
}
