import { open } from 'node:fs/promises';
import { z } from 'zod';
import { IncubateError, messageOf } from '../util/errors.ts';
import { bytesOf, type DType, type HostTensor, type HostTensors, sizeOf } from '../util/tensor.ts';

/*
 * The safetensors format: 8 bytes with the header's length (little-endian), a JSON header that maps names to
 * {dtype, shape, data_offsets} and "__metadata__" to strings, then the tensors' bytes without gaps.
 */

const dtypes = { float32: 'F32', int32: 'I32', uint8: 'U8' } as const;
const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;
/** The reference implementation's limit; a longer header is damage, not data. */
const MAX_HEADER_BYTES = 100_000_000;

const entrySchema = z.object({
  dtype: z.enum(['F32', 'I32', 'U8']),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const headerSchema = z.record(z.string(), z.unknown());
const metadataSchema = z.record(z.string(), z.string());

export interface TensorFile {
  readonly tensors: Record<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The file's content in pieces: header first, then each tensor's bytes in the given order, not copied. */
export function encodeSafetensors(tensors: HostTensors, metadata: Readonly<Record<string, string>> = {}): Uint8Array[] {
  let offset = 0;
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const end = offset + tensor.data.byteLength;
    header[name] = { dtype: dtypes[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces behind the JSON align the tensors to 8 bytes, as the format recommends.
  const length = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(8 + length).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.set(json, 8);
  return [start, ...Object.values(tensors).map(bytesOf)];
}

/**
 * Reads a safetensors file. Nothing outside the file is read and nothing is allocated from an unchecked length.
 *
 * @throws CHECKPOINT_FILE naming the file and what is wrong with it.
 */
export async function readSafetensors(path: string): Promise<TensorFile> {
  const damaged = (reason: string, cause?: unknown) =>
    new IncubateError('CHECKPOINT_FILE', `cannot read the weights in ${path}: ${reason}`, { cause });
  const file = await open(path, 'r').catch((error: unknown) => {
    throw damaged(messageOf(error), error);
  });
  try {
    const { size } = await file.stat();
    const read = async (length: number, position: number) => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 1 << 30), position + done);
        if (bytesRead === 0) throw damaged('it ends too early');
        done += bytesRead;
      }
      return bytes;
    };
    if (size < 8) throw damaged('it is too short for a header');
    const length = Number(new DataView((await read(8, 0)).buffer).getBigUint64(0, true));
    if (length > MAX_HEADER_BYTES || 8 + length > size) throw damaged(`its header claims ${length} bytes`);
    const { entries, metadata } = parseHeader(await read(length, 8), size - 8 - length, damaged);

    const tensors: Record<string, HostTensor> = Object.create(null);
    for (const { name, dtype, shape, begin, end } of entries) {
      const { buffer } = await read(end - begin, 8 + length + begin);
      const data = new arrays[dtype](buffer);
      tensors[name] = { dtype: nameOf(dtype), shape, data } as HostTensor;
    }
    return { tensors, metadata };
  } finally {
    await file.close();
  }
}

function parseHeader(bytes: Uint8Array, dataBytes: number, damaged: (reason: string) => IncubateError) {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw damaged('its header is not JSON');
  }
  const header = headerSchema.safeParse(json);
  if (!header.success) throw damaged('its header is not an object');
  const { __metadata__: rawMetadata, ...rest } = header.data;
  const metadata = metadataSchema.safeParse(rawMetadata ?? {});
  if (!metadata.success) throw damaged('its metadata are not strings');

  const entries = Object.entries(rest).map(([name, value]) => {
    const entry = entrySchema.safeParse(value);
    if (!entry.success) throw damaged(`the entry of '${name}' is not a tensor of a known type`);
    const { dtype, shape, data_offsets } = entry.data;
    const [begin, end] = data_offsets;
    if (end - begin !== sizeOf(shape) * arrays[dtype].BYTES_PER_ELEMENT) {
      throw damaged(`'${name}' of shape [${shape}] does not fit its ${end - begin} bytes`);
    }
    return { name, dtype, shape, begin, end };
  });
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) throw damaged(`'${name}' leaves a hole before it or overlaps another tensor`);
    covered = end;
  }
  if (covered !== dataBytes) throw damaged(`its tensors take ${covered} bytes, but it holds ${dataBytes}`);
  return { entries, metadata: metadata.data };
}

function nameOf(code: keyof typeof arrays): DType {
  return (Object.keys(dtypes) as DType[]).find((dtype) => dtypes[dtype] === code) as DType;
}
