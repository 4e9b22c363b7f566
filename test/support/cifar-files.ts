/*
 * CIFAR's files, written byte by byte as they are published: binary records, and pickles with the instructions that Python 2's
 * cPickle used.
 */

/** A byte of a made-up image: differs by image, channel and place. */
export function cifarByte(image: number, channel: number, row: number, column: number): number {
  return (image * 31 + channel * 101 + row * 7 + column * 3) % 256;
}

/** Planes [3, 32, 32] of an image. */
export function planes(image: number): Uint8Array {
  return Uint8Array.from({ length: 3072 }, (_, at) =>
    cifarByte(image, Math.floor(at / 1024), Math.floor((at % 1024) / 32), at % 32),
  );
}

/** Pixels [32, 32, 3] of the same image. */
export function pixels(image: number): Uint8Array {
  return Uint8Array.from({ length: 3072 }, (_, at) =>
    cifarByte(image, at % 3, Math.floor(at / 96), Math.floor((at % 96) / 3)),
  );
}

/** Records: the bytes of labels, then the planes. */
export function binaryFile(first: number, labels: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(labels.flatMap((bytes, index) => [Uint8Array.from(bytes), planes(first + index)]));
}

/** A batch of the Python version; `lists` are its lists of labels by their keys. */
export function pythonFile(first: number, lists: Readonly<Record<string, readonly number[]>>): Buffer {
  const count = Object.values(lists)[0]?.length ?? 0;
  const data = Buffer.concat(Array.from({ length: count }, (_, index) => planes(first + index)));
  return pickle((write) => {
    write.dict([
      ['data', () => write.array([count, 3072], data)],
      ...Object.entries(lists).map(
        ([key, labels]) => [key, () => write.list(labels.map((label) => () => write.int(label)))] as const,
      ),
      ['batch_label', () => write.bytes('a batch of the tests')],
      [
        'filenames',
        () => write.list(Array.from({ length: count }, (_, index) => () => write.bytes(`image_${index}.png`))),
      ],
    ]);
  });
}

/** `batches.meta` and `meta`. */
export function pythonNames(key: string, names: readonly string[]): Buffer {
  return pickle((write) =>
    write.dict([
      ['num_cases_per_batch', () => write.int(10_000)],
      [key, () => write.list(names.map((name) => () => write.bytes(name)))],
      ['num_vis', () => write.int(3072)],
    ]),
  );
}

interface PickleWriter {
  readonly raw: (...parts: (number | string | Uint8Array)[]) => void;
  readonly int: (value: number) => void;
  readonly bytes: (text: string | Uint8Array) => void;
  readonly list: (items: readonly (() => void)[]) => void;
  readonly dict: (entries: readonly (readonly [string, () => void])[]) => void;
  readonly array: (shape: readonly [number, number], data: Uint8Array) => void;
}

/** A pickle of protocol 2; every value is memoized as Python does. */
export function pickle(body: (write: PickleWriter) => void): Buffer {
  const parts: Buffer[] = [];
  let memo = 0;
  const raw: PickleWriter['raw'] = (...values) => {
    for (const value of values) {
      parts.push(typeof value === 'number' ? Buffer.from([value]) : Buffer.from(value as string, 'latin1'));
    }
  };
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const keep = () => {
    memo += 1;
    if (memo < 256) raw('q', memo);
    else raw('r', uint32(memo));
  };
  const int = (value: number) => {
    if (value >= 0 && value < 256) raw('K', value);
    else if (value >= 0 && value < 65_536) raw('M', value & 255, value >> 8);
    else {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      raw('J', bytes);
    }
  };
  const bytes: PickleWriter['bytes'] = (text) => {
    const content = Buffer.from(text as string, 'latin1');
    if (content.length < 256) raw('U', content.length, content);
    else raw('T', uint32(content.length), content);
    keep();
  };
  const list: PickleWriter['list'] = (items) => {
    raw(']');
    keep();
    // Python appends a thousand at a time.
    for (let from = 0; from < items.length; from += 1000) {
      raw('(');
      for (const item of items.slice(from, from + 1000)) item();
      raw('e');
    }
  };
  const dict: PickleWriter['dict'] = (entries) => {
    raw('}');
    keep();
    raw('(');
    for (const [key, value] of entries) {
      bytes(key);
      value();
    }
    raw('u');
  };
  const array: PickleWriter['array'] = ([rows, columns], data) => {
    raw('cnumpy.core.multiarray\n_reconstruct\n');
    keep();
    raw('cnumpy\nndarray\n');
    keep();
    raw('K', 0, 0x85);
    keep();
    bytes('b');
    raw(0x87);
    keep();
    raw('R');
    keep();
    raw('(', 'K', 1);
    int(rows);
    int(columns);
    raw(0x86);
    keep();
    raw('cnumpy\ndtype\n');
    keep();
    bytes('u1');
    raw('K', 0, 'K', 1, 0x87);
    keep();
    raw('R');
    keep();
    raw('(', 'K', 3);
    bytes('|');
    raw('NNN', 'J', uint32(0xffffffff), 'J', uint32(0xffffffff), 'K', 0, 't');
    keep();
    raw('b', 0x89);
    bytes(data);
    raw('t');
    keep();
    raw('b');
  };
  raw(0x80, 2);
  body({ raw, int, bytes, list, dict, array });
  raw('.');
  return Buffer.concat(parts);
}
