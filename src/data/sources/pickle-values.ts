/* What the pickles of CIFAR's files consist of. Every function here throws an Error that says what is not allowed. */

/** Texts and bytes of Python 2 are one type: bytes. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleDict
  | ByteArray
  | Dtype
  | Global;

export interface PickleList {
  readonly kind: 'list';
  readonly items: PickleValue[];
}

interface PickleTuple {
  readonly kind: 'tuple';
  readonly items: readonly PickleValue[];
}

export interface PickleDict {
  readonly kind: 'dict';
  readonly entries: Map<string, PickleValue>;
}

/** numpy's array of unsigned bytes, row by row. */
export interface ByteArray {
  readonly kind: 'array';
  shape: readonly number[];
  data: Uint8Array;
}

interface Dtype {
  readonly kind: 'dtype';
}

interface Global {
  readonly kind: 'global';
  readonly name: string;
}

const RECONSTRUCT = 'numpy.core.multiarray _reconstruct';
const NDARRAY = 'numpy ndarray';
const DTYPE = 'numpy dtype';

type Kinds = { list: PickleList; tuple: PickleTuple; dict: PickleDict; global: Global };

/** A value that must be of a kind. */
export function expectKind<Kind extends keyof Kinds>(kind: Kind, value: PickleValue): Kinds[Kind] {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind)
    return value as Kinds[Kind];
  throw new Error(`the pickle uses something as a ${kind} that is none`);
}

/** Sets keys and values, which take turns. */
export function setItems(dict: PickleDict, items: readonly PickleValue[]): void {
  if (items.length % 2 !== 0) throw new Error('the pickle sets a key without a value');
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index];
    const name = key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : key;
    if (typeof name !== 'string') throw new Error('the pickle has a dict with a key that is no text');
    dict.entries.set(name, items[index + 1] as PickleValue);
  }
}

/** One of the three names that are allowed. */
export function global(name: string): Global {
  if ([RECONSTRUCT, NDARRAY, DTYPE].includes(name)) return { kind: 'global', name };
  throw new Error(`the pickle asks for ${JSON.stringify(name.replace(' ', '.'))}, which is not allowed`);
}

/** `_reconstruct(ndarray, (0,), 'b')` makes an empty array, and `dtype('u1', …)` the type of bytes; {@link build} fills them. */
export function call(name: string, args: readonly PickleValue[]): PickleValue {
  const [first] = args;
  if (name === RECONSTRUCT && args.length === 3 && expectKind('global', first as PickleValue).name === NDARRAY) {
    return { kind: 'array', shape: [0], data: new Uint8Array() };
  }
  if (name === DTYPE && first !== undefined) {
    const type = first instanceof Uint8Array ? Buffer.from(first).toString('latin1') : first;
    if (type === 'u1') return { kind: 'dtype' };
    throw new Error(`the pickle has an array of ${JSON.stringify(type)}, but only unsigned bytes ("u1") are read`);
  }
  throw new Error(`the pickle calls ${name.replace(' ', '.')} in a way that is not allowed`);
}

/** State of an array: (version, shape, dtype, whether column by column, bytes). That of a dtype of bytes says nothing. */
export function build(value: PickleValue, state: readonly PickleValue[]): void {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    if (value.kind === 'dtype') return;
    if (value.kind === 'array') {
      fill(value, state);
      return;
    }
  }
  throw new Error('the pickle gives a state to something that has none');
}

function fill(array: ByteArray, state: readonly PickleValue[]): void {
  const [version, shape, dtype, byColumn, data] = state;
  const isState = state.length === 5 && version === 1 && data instanceof Uint8Array;
  if (!isState || typeof dtype !== 'object' || dtype === null || !('kind' in dtype) || dtype.kind !== 'dtype') {
    throw new Error('the pickle gives an array a state that is none of one');
  }
  if (byColumn !== false && byColumn !== 0) throw new Error('the pickle has an array that is stored column by column');
  const sides = expectKind('tuple', shape as PickleValue).items;
  const isSide = (side: PickleValue): side is number => typeof side === 'number' && side >= 0;
  const product = sides.every(isSide) ? sides.reduce((total, side) => total * side, 1) : -1;
  if (product !== data.length)
    throw new Error(`the pickle has an array whose ${data.length} bytes do not fit its shape`);
  array.shape = sides as readonly number[];
  array.data = data;
}
