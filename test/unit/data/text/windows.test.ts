import fc from 'fast-check';
import { expect, it } from 'vitest';
import { moduleShare } from '../../../../src/data/equal-share.ts';
import {
  evaluationSequences,
  evaluationSplit,
  sampleText,
  type TokenSplit,
  textOfModule,
  trainingSequences,
  trainingSplit,
} from '../../../../src/data/text/windows.ts';

/** A text whose every token says where it stands. */
const numbered = (length: number) => Uint32Array.from({ length }, (_, at) => at);
const key = { seed: 3, stream: 'module-1', epoch: 0 };

/** Sequences of batches, of those that are there. */
function rows(batches: readonly { readonly tokens: Int32Array; readonly lengths: Int32Array }[]): number[][] {
  return batches.flatMap(({ tokens, lengths }) => {
    const width = tokens.length / lengths.length;
    return Array.from(lengths, (length, place) =>
      length === 0 ? [] : [...tokens.subarray(place * width, place * width + length + 1)],
    ).filter(({ length }) => length > 0);
  });
}

const sizes = fc
  .record({
    length: fc.integer({ min: 2, max: 300 }),
    context: fc.integer({ min: 1, max: 40 }),
    batchSize: fc.integer({ min: 1, max: 5 }),
  })
  .filter(({ length, context }) => length > context);

it('an epoch predicts every token once, from the one before it, but for the rest of the division', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 9 }), ({ length, context }, epoch) => {
      const split = trainingSplit(numbered(length), context);
      expect(split.length).toBe(Math.floor(length / context));
      const make = trainingSequences(split, { ...key, epoch }, 1);
      const sequences = rows(Array.from({ length: split.length }, (_, index) => make(index)));
      for (const sequence of sequences) {
        expect(sequence).toHaveLength(context + 1);
        for (let at = 1; at < sequence.length; at++)
          expect(sequence[at]).toBe(((sequence[at - 1] as number) + 1) % length);
      }
      const predicted = sequences.flatMap((sequence) => sequence.slice(1));
      expect(new Set(predicted).size).toBe(split.length * context);
      expect(predicted).toHaveLength(split.length * context);
    }),
  );
});

it('batches depend on the key and their number alone', () => {
  fc.assert(
    fc.property(sizes, ({ length, context, batchSize }) => {
      const split = trainingSplit(numbered(length), context);
      fc.pre(split.length >= batchSize);
      const count = Math.floor(split.length / batchSize);
      const [make, again] = [trainingSequences(split, key, batchSize), trainingSequences(split, key, batchSize)];
      const all = Array.from({ length: count }, (_, index) => make(index));
      for (let index = count - 1; index >= 0; index--) expect(again(index)).toEqual(all[index]);
    }),
  );
});

it('epochs, jobs and seeds differ in their order and in where sequences begin', () => {
  const split = trainingSplit(numbered(1000), 10);
  const begin = (other: object) =>
    rows([trainingSequences(split, { ...key, ...other }, 100)(0)]).map(([first]) => first as number);
  const keys = [{}, { epoch: 1 }, { stream: 'module-2' }, { seed: 4 }];
  const orders = keys.map(begin);
  expect(new Set(orders.map(String)).size).toBe(4);
  expect(new Set(orders.map(([first = 0]) => first % 10)).size).toBeGreaterThan(1);
});

it('an evaluation predicts every token but the first once, in order', () => {
  fc.assert(
    fc.property(sizes, ({ length, context, batchSize }) => {
      const split = evaluationSplit(numbered(length), context);
      const make = evaluationSequences(split, batchSize);
      const batches = Array.from({ length: Math.ceil(split.length / batchSize) }, (_, index) => make(index));
      const sequences = rows(batches);
      expect(sequences).toHaveLength(split.length);
      expect(sequences.flatMap((sequence) => sequence.slice(1))).toEqual([...numbered(length)].slice(1));
      for (const sequence of sequences)
        for (let at = 1; at < sequence.length; at++) expect(sequence[at]).toBe((sequence[at - 1] as number) + 1);
    }),
  );
});

it('modules with text of their own have equal parts of it that no two share', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 9 }), ({ length, context }, modules) => {
      const whole = trainingSplit(numbered(length), context);
      fc.pre(whole.length >= modules);
      const parts = Array.from({ length: modules }, (_, index) => textOfModule(whole, modules, index));
      for (const [index, part] of parts.entries()) expect(part.length).toBe(moduleShare(whole.length, modules, index));
      expect(parts.flatMap(({ tokens }) => [...tokens])).toEqual([...numbered(whole.length * context)]);
      // No more is read of the text than what is the module's, up to the token that is predicted last.
      for (const part of parts) {
        const read = rows(Array.from({ length: part.length }, (_, index) => trainingSequences(part, key, 1)(index)));
        expect(new Set(read.flat())).toEqual(new Set(part.tokens));
      }
    }),
  );
});

/** What a model sees in an evaluation, without the token after each sequence. */
function seen(split: TokenSplit): number[][] {
  return rows([evaluationSequences(split, split.length)(0)]).map((row) => row.slice(0, split.context));
}

it('a sample of a text is some of its sequences, from the first on and as far apart as can be', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 30 }), ({ length, context }, most) => {
      const whole = evaluationSplit(numbered(length), context);
      const sample = sampleText(whole, most);
      expect(sample.length).toBe(Math.min(most, whole.length));
      const all = seen(whole).map(String);
      const places = seen(sample).map((sequence) => all.indexOf(String(sequence)));
      expect(places[0]).toBe(0);
      const apart = places.slice(1).map((place, index) => place - (places[index] as number));
      for (const distance of apart) {
        expect(distance).toBeGreaterThanOrEqual(Math.floor(whole.length / sample.length));
        expect(distance).toBeLessThanOrEqual(Math.ceil(whole.length / sample.length));
      }
    }),
  );
});
