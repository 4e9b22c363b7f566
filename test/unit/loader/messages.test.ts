import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAnswer, parseRequest } from '../../../src/loader/messages.ts';

const requests = [
  { type: 'hello', protocol: 1, fingerprint: 'f' },
  { type: 'images', id: 0, split: 'validation', indices: [3, 1, 2] },
  { type: 'batch', id: 1, key: { kind: 'train', stream: 'meta', epoch: 2, index: 3 } },
  { type: 'batch', id: 2, key: { kind: 'evaluation', batchSize: 16, index: 0 } },
  { type: 'done', id: 2 },
];
const error = { code: 'DATA_IMAGE', message: 'the image cannot be decoded', hint: 'Repair it.', exitCode: 7 };
const answers = [
  { type: 'welcome', file: '/proc/1/fd/2', mark: 'ab' },
  { type: 'refused', reason: 'it reads other images' },
  { type: 'alive' },
  { type: 'images', id: 4, images: [[4096, 8, 8, 3], null, { error }] },
  { type: 'batch', id: 5, offset: 4096, batchSize: 16, generation: 7 },
  { type: 'batch', id: 5, offset: 0, batchSize: 1, generation: 1, damaged: [{ index: 3, message: 'it is cut off' }] },
  { type: 'failed', id: 6 },
  { type: 'failed', id: 6, error },
];

describe.each([
  ['requests', parseRequest, requests],
  ['answers', parseAnswer, answers],
] as const)('%s', (_, parse, examples) => {
  it.each(examples.map((example) => [JSON.stringify(example), example]))('%s is understood', (_, example) => {
    expect(parse(JSON.parse(JSON.stringify(example)))).toEqual(example);
  });

  it('without any one of their fields, or with another value in it, are none', () => {
    const other = [undefined, null, -1, 0.5, 'x', [], {}, [-1], [[1, 2]], true, Number.MAX_VALUE];
    for (const example of examples) {
      for (const key of Object.keys(example)) {
        for (const value of other) {
          const changed = { ...example, [key]: value };
          const parsed = parse(changed);
          // What is understood says what was sent; `error` and lists may be missing or empty.
          if (parsed !== undefined)
            expect(JSON.parse(JSON.stringify(changed))).toMatchObject(JSON.parse(JSON.stringify(parsed)));
          if (key === 'type' || key === 'id') expect(parsed).toBeUndefined();
        }
      }
    }
  });

  it('of any other kind are none, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...examples), fc.string(), (value, example, key) => {
        for (const message of [value, { ...example, [key]: value }]) {
          const parsed = parse(message);
          if (parsed !== undefined) expect(examples.map(({ type }) => type)).toContain(parsed.type);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
