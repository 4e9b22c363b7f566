import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFrameReader, encodeFrame } from '../../../src/loader/frames.ts';

/** Gives bytes to a reader in pieces of these lengths, the rest at once. */
function feed(bytes: Buffer, lengths: readonly number[]): { readonly values: unknown[]; readonly accepted: boolean } {
  const values: unknown[] = [];
  const read = createFrameReader((value) => values.push(value));
  let from = 0;
  for (const length of [...lengths, bytes.length]) {
    const piece = bytes.subarray(from, from + length);
    from += piece.length;
    if (!read(piece)) return { values, accepted: false };
  }
  return { values, accepted: true };
}

const messages = fc.array(fc.record({ type: fc.string(), id: fc.nat(), text: fc.string({ unit: 'grapheme' }) }));

it('messages arrive whole and in order, wherever their bytes are divided', () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(9)), (sent, lengths) => {
      const { values, accepted } = feed(Buffer.concat(sent.map(encodeFrame)), lengths);
      expect(accepted).toBe(true);
      expect(values).toEqual(sent);
    }),
  );
});

it('bytes that are no messages are refused or read as some JSON value, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(9)), (bytes, lengths) => {
      const { values } = feed(Buffer.from(bytes), lengths);
      for (const value of values) expect(() => JSON.stringify(value)).not.toThrow();
    }),
  );
});

it('a length beyond what a message may have is refused before anything is kept for it', () => {
  const header = Buffer.alloc(4);
  for (const length of [0, 2 ** 20 + 1, 2 ** 32 - 1]) {
    header.writeUInt32LE(length);
    expect(feed(header, []).accepted).toBe(false);
  }
  expect(() => encodeFrame({ text: 'x'.repeat(2 ** 20) })).toThrow(RangeError);
});
