import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeSafetensors, readSafetensors } from '../../../src/checkpoint/safetensors.ts';
import { sizeOf } from '../../../src/util/tensor.ts';
import { outcomeOf } from '../../support/outcome.ts';

const path = join(mkdtempSync(join(tmpdir(), 'incubate tensors ')), 'weights.safetensors');
const read = () => outcomeOf(() => readSafetensors(path));

function header(text: string | Uint8Array, data = 0, claimed?: bigint): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(bytes.length));
  return Buffer.concat([length, bytes, Buffer.alloc(data)]);
}

/** Either the error of a file, or tensors that fit their shapes and come from within it. */
async function expectSound(content: Uint8Array): Promise<boolean> {
  writeFileSync(path, content);
  const outcome = await read();
  if ('code' in outcome) {
    expect(outcome.code).toBe('CHECKPOINT_FILE');
    return false;
  }
  const tensors = Object.values(outcome.value.tensors);
  for (const { shape, data } of tensors) expect(data.length).toBe(sizeOf(shape));
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  expect(bytes).toBeLessThanOrEqual(content.length);
  return true;
}

const size = fc.oneof(fc.nat(4), fc.constantFrom<unknown>(-1, 1.5, 2 ** 31, 2 ** 53, 1e308, null, '4'));
const offset = fc.oneof(fc.constantFrom<unknown>(0, 4, 8, 12, 16), size);
const entry = fc.record(
  {
    dtype: fc.constantFrom<unknown>('F32', 'F32', 'I32', 'U8', 'F64', 'BOOL', null, 3),
    shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.constantFrom<unknown>([2], [1], [], null, 'x', {})),
    data_offsets: fc.oneof(fc.tuple(offset, offset), fc.array(offset, { maxLength: 3 })),
  },
  { requiredKeys: ['dtype', 'shape'] },
);
const name = fc.constantFrom('a', 'b', '', '__proto__', '__metadata__', 'toString', 'weights/../x');

test('any header before any data is tensors within the file, or CHECKPOINT_FILE', async () => {
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(name, entry), { maxLength: 3 }),
      fc.constantFrom(0, 4, 8, 12, 16),
      async (entries, data) => {
        const fields = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
        if (await expectSound(header(`{${fields.join(',')}}`, data))) sound += 1;
      },
    ),
    { numRuns: 500 },
  );
  expect(sound).toBeGreaterThan(0);
});

test('so are any bytes, and any length before them', async () => {
  const claims = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.option(claims), async (bytes, claimed) => {
      await expectSound(claimed === null ? bytes : header(bytes, 0, claimed));
    }),
    { numRuns: 300 },
  );
});

test('a whole file with any byte changed, or cut off anywhere, is a file or CHECKPOINT_FILE', async () => {
  const tensors = {
    'blocks.0.weight': { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    labels: { dtype: 'int32', shape: [2], data: Int32Array.of(7, 8) },
  } as const;
  const whole = Buffer.concat(encodeSafetensors(tensors, { format: 'pt' }));
  expect(await expectSound(whole)).toBe(true);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length - 1), async (at, byte, length) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      await expectSound(changed);
      expect(await expectSound(whole.subarray(0, length))).toBe(false);
    }),
    { numRuns: 400 },
  );
});

test('no memory is taken for what a header claims beyond the end of the file', async () => {
  const claims = [
    header('{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}', 4),
    header('{"a":{"dtype":"U8","shape":[65536,65536,65536],"data_offsets":[0,281474976710656]}}', 4),
    header('{}', 0, 99_999_999n),
    header('{}', 0, 2n ** 64n - 1n),
  ];
  for (const claim of claims) {
    const before = process.memoryUsage().arrayBuffers;
    expect(await expectSound(claim)).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  }
});

test('a large file of holes is read no further than its header', async () => {
  writeFileSync(path, header('{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'));
  truncateSync(path, 2 ** 40);
  const before = process.memoryUsage().arrayBuffers;
  expect(await read()).toEqual({ code: 'CHECKPOINT_FILE' });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
});
