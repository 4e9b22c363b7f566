import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors, readSafetensors } from '../../../src/checkpoint/safetensors.ts';
import { IncubateError } from '../../../src/util/errors.ts';
import { float32, int32, uint8 } from '../../../src/util/tensor.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate safetensors '));
});
afterAll(() => rm(folder, { recursive: true }));

const tensors = {
  'blocks.0.weight': float32(Float32Array.of(1, -2.5, Number.NaN, 4, 5, 6), [2, 3]),
  label: int32(Int32Array.of(-7)),
  bytes: uint8(Uint8Array.of(1, 2, 255)),
  empty: float32(new Float32Array(0), [0, 4]),
};

async function read(bytes: Uint8Array) {
  const path = join(folder, 'weights.safetensors');
  await writeFile(path, bytes);
  return readSafetensors(path);
}

/** A file with the given header text and tensor bytes. */
function file(header: string, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = new Uint8Array(8);
  new DataView(start.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([start, text, Uint8Array.from(data)]);
}

describe('safetensors files', () => {
  it('come back as they were written', async () => {
    const result = await read(Buffer.concat(encodeSafetensors(tensors, { format: 'pt' })));
    expect(result.metadata).toEqual({ format: 'pt' });
    expect(Object.keys(result.tensors)).toEqual(Object.keys(tensors));
    for (const [name, tensor] of Object.entries(tensors)) expect(result.tensors[name]).toEqual(tensor);
  });

  it('follow the published layout', async () => {
    const bytes = Buffer.concat(encodeSafetensors({ a: float32(Float32Array.of(1.5), [1]) }));
    const length = Number(bytes.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    });
    expect(bytes.readFloatLE(8 + length)).toBe(1.5);
  });

  it.each([
    ['an empty file', Uint8Array.of()],
    ['a header longer than the file', file('{}').fill(0xff, 0, 8)],
    ['no JSON', file('{')],
    ['a list', file('[]')],
    ['an unknown type', file('{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', [0])],
    ['a shape that does not fit', file('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}', [0])],
    [
      'a shape whose size overflows',
      file('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}', [0, 0, 0, 0]),
    ],
    ['a hole', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', [0, 0])],
    [
      'an overlap',
      file(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        [0, 0, 0],
      ),
    ],
    ['bytes past the end', file('{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}', [0])],
    ['bytes left over', file('{}', [0])],
  ])('with %s are refused, naming the file', async (_, bytes) => {
    const error = await read(bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(IncubateError);
    expect((error as IncubateError).code).toBe('CHECKPOINT_FILE');
    expect((error as IncubateError).message).toContain('weights.safetensors');
  });

  it('with any byte of the header changed give an error or tensors, never anything else', async () => {
    const original = Buffer.concat(encodeSafetensors(tensors));
    const header = 8 + Number(original.readBigUInt64LE(0));
    await fc.assert(
      fc.asyncProperty(fc.nat(header - 1), fc.integer({ min: 0, max: 255 }), async (position, value) => {
        const bytes = Uint8Array.from(original);
        bytes[position] = value;
        await read(bytes).catch((error: unknown) => expect(error).toBeInstanceOf(IncubateError));
      }),
      { numRuns: 200 },
    );
    expect((await readFile(join(folder, 'weights.safetensors'))).length).toBe(original.length);
  });
});
