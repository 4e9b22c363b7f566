import type { PickleDict } from './pickle-values.ts';
import { unpickle } from './unpickle.ts';

/** Side of CIFAR's images, pixels. */
export const CIFAR_SIDE = 32;
/** Bytes of an image: a plane of red, one of green, one of blue. */
export const CIFAR_PLANES = 3 * CIFAR_SIDE * CIFAR_SIDE;

/** A file of labelled images. */
export interface CifarBatch {
  readonly labels: Uint8Array;
  /** The planes of image i begin at `start + i · stride`. */
  readonly data: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** One of the forms in which CIFAR is published: cs.toronto.edu/~kriz/cifar.html. */
export interface CifarVariant {
  readonly title: string;
  /** How many classes there are. */
  readonly classes: number;
  readonly trainFile: RegExp;
  readonly testFile: string;
  readonly namesFile: string;
  readBatch(bytes: Uint8Array): CifarBatch;
  readNames(bytes: Uint8Array): string[];
}

export const cifarVariants: readonly CifarVariant[] = [
  {
    title: 'CIFAR-10, binary version',
    classes: 10,
    trainFile: /^data_batch_([1-9])\.bin$/,
    testFile: 'test_batch.bin',
    namesFile: 'batches.meta.txt',
    readBatch: (bytes) => binaryBatch(bytes, 1),
    readNames: lines,
  },
  {
    title: 'CIFAR-10, Python version',
    classes: 10,
    trainFile: /^data_batch_([1-9])$/,
    testFile: 'test_batch',
    namesFile: 'batches.meta',
    readBatch: (bytes) => pythonBatch(bytes, 'labels'),
    readNames: (bytes) => pythonNames(bytes, 'label_names'),
  },
  {
    title: 'CIFAR-100, binary version',
    classes: 100,
    trainFile: /^train\.bin$/,
    testFile: 'test.bin',
    namesFile: 'fine_label_names.txt',
    readBatch: (bytes) => binaryBatch(bytes, 2),
    readNames: lines,
  },
  {
    title: 'CIFAR-100, Python version',
    classes: 100,
    trainFile: /^train$/,
    testFile: 'test',
    namesFile: 'meta',
    readBatch: (bytes) => pythonBatch(bytes, 'fine_labels'),
    readNames: (bytes) => pythonNames(bytes, 'fine_label_names'),
  },
];

/** Records of labels and planes; of two labels, the coarse one comes first. */
function binaryBatch(bytes: Uint8Array, labelBytes: number): CifarBatch {
  const stride = labelBytes + CIFAR_PLANES;
  if (bytes.length === 0 || bytes.length % stride !== 0) {
    throw new Error(`its ${bytes.length} bytes are no whole number of records of ${stride} bytes`);
  }
  const labels = Uint8Array.from({ length: bytes.length / stride }, (_, index) => {
    return bytes[index * stride + labelBytes - 1] as number;
  });
  return { labels, data: bytes, start: labelBytes, stride };
}

function pythonBatch(bytes: Uint8Array, labelsKey: string): CifarBatch {
  const dict = unpickledDict(bytes);
  const array = dict.entries.get('data');
  if (typeof array !== 'object' || array === null || !('kind' in array) || array.kind !== 'array') {
    throw new Error("the pickle has no array 'data'");
  }
  const labels = listOf(dict, labelsKey);
  const [images, width] = array.shape;
  if (array.shape.length !== 2 || width !== CIFAR_PLANES || images !== labels.length || images === 0) {
    throw new Error(
      `the array 'data' has the shape (${array.shape.join(', ')}) instead of (${labels.length}, ${CIFAR_PLANES})`,
    );
  }
  const numbers = labels.map((label) => {
    if (typeof label === 'number' && label >= 0 && label < 256) return label;
    throw new Error(`'${labelsKey}' has something in it that is no label`);
  });
  return { labels: Uint8Array.from(numbers), data: array.data, start: 0, stride: CIFAR_PLANES };
}

function pythonNames(bytes: Uint8Array, key: string): string[] {
  return listOf(unpickledDict(bytes), key).map((name) => {
    if (typeof name === 'string') return name;
    if (name instanceof Uint8Array) return Buffer.from(name).toString('utf8');
    throw new Error(`'${key}' has something in it that is no text`);
  });
}

function unpickledDict(bytes: Uint8Array): PickleDict {
  const value = unpickle(bytes);
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'dict') return value;
  throw new Error('the pickle holds no dict');
}

function listOf(dict: PickleDict, key: string) {
  const value = dict.entries.get(key);
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'list') return value.items;
  throw new Error(`the pickle has no list '${key}'`);
}

function lines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
