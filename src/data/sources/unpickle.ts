/*
 * Python's pickles of protocol 2, as far as CIFAR's files use them. A pickle is a program for a stack machine that may call
 * anything; this one knows a handful of instructions and three names of numpy's, which it gives a meaning of its own.
 */

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

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a pickle of protocol 2 that consists of dicts, lists, tuples, bytes, texts, whole numbers, None, booleans and numpy's
 * arrays of bytes. Long bytes are views of `bytes`.
 *
 * @throws Error naming the instruction or the name that is not allowed, or what is damaged.
 */
export function unpickle(bytes: Uint8Array): PickleValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  let at = 0;

  const take = (length: number): number => {
    if (length > bytes.length - at) throw new Error(`the pickle is cut short at byte ${at}`);
    at += length;
    return at - length;
  };
  const byte = () => bytes[take(1)] as number;
  const uint32 = () => view.getUint32(take(4), true);
  const slice = (length: number) => {
    const start = take(length);
    return bytes.subarray(start, start + length);
  };
  const line = () => {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 200) throw new Error(`a name in the pickle does not end, from byte ${at}`);
    const text = Buffer.from(slice(end - at)).toString('latin1');
    take(1);
    return text;
  };
  const pop = (): PickleValue => {
    const value = stack.length > (marks.at(-1) ?? 0) ? stack.pop() : undefined;
    if (value === undefined) throw new Error(`the pickle takes more than it has at byte ${at}`);
    return value;
  };
  const popMany = (count: number) => Array.from({ length: count }, pop).reverse();
  const popMarked = (): PickleValue[] => {
    const mark = marks.pop();
    if (mark === undefined) throw new Error(`the pickle takes more than it has at byte ${at}`);
    return stack.splice(mark);
  };
  const top = (): PickleValue => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const pushTuple = (items: readonly PickleValue[]) => stack.push({ kind: 'tuple', items });
  const recall = (index: number) => {
    const value = memo.get(index);
    if (value === undefined) throw new Error(`the pickle recalls what it has not kept at byte ${at}`);
    stack.push(value);
  };

  if (bytes[0] !== 0x80) throw new Error('it is no pickle of protocol 2: it does not begin with byte 0x80');
  for (;;) {
    const start = at;
    const opcode = byte();
    switch (opcode) {
      case 0x80: {
        const protocol = byte();
        if (start === 0 && protocol === 2) break;
        throw new Error(`the pickle is of protocol ${protocol}, but only protocol 2 is read`);
      }
      case code('.'): {
        const value = pop();
        if (stack.length > 0 || marks.length > 0) throw new Error('the pickle leaves values behind');
        if (at < bytes.length) throw new Error(`the pickle ends at byte ${at} of ${bytes.length}`);
        return value;
      }
      case code('N'):
        stack.push(null);
        break;
      case 0x88:
      case 0x89:
        stack.push(opcode === 0x88);
        break;
      case code('K'):
        stack.push(byte());
        break;
      case code('M'):
        stack.push(view.getUint16(take(2), true));
        break;
      case code('J'):
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x8a:
        stack.push(long(slice(byte())));
        break;
      case code('U'):
        stack.push(slice(byte()));
        break;
      case code('T'):
        stack.push(slice(uint32()));
        break;
      case code('X'):
        stack.push(decodeText(slice(uint32())));
        break;
      case code('('):
        marks.push(stack.length);
        break;
      case code(')'):
        pushTuple([]);
        break;
      case 0x85:
      case 0x86:
      case 0x87:
        pushTuple(popMany(opcode - 0x84));
        break;
      case code('t'):
        pushTuple(popMarked());
        break;
      case code(']'):
        stack.push({ kind: 'list', items: [] });
        break;
      case code('}'):
        stack.push({ kind: 'dict', entries: new Map() });
        break;
      case code('a'):
      case code('e'): {
        const items = opcode === code('a') ? [pop()] : popMarked();
        const list = of('list', top());
        for (const item of items) list.items.push(item);
        break;
      }
      case code('s'):
      case code('u'): {
        const items = opcode === code('s') ? popMany(2) : popMarked();
        setItems(of('dict', top()), items);
        break;
      }
      case code('q'):
        memo.set(byte(), top());
        break;
      case code('r'):
        memo.set(uint32(), top());
        break;
      case code('h'):
        recall(byte());
        break;
      case code('j'):
        recall(uint32());
        break;
      case code('c'):
        stack.push(global(`${line()} ${line()}`));
        break;
      case code('R'): {
        const [callable, values] = popMany(2) as [PickleValue, PickleValue];
        stack.push(call(of('global', callable).name, of('tuple', values).items));
        break;
      }
      case code('b'): {
        const state = of('tuple', pop()).items;
        build(top(), state);
        break;
      }
      default:
        throw new Error(`the pickle has the instruction ${describe(opcode)} at byte ${start}, which is not allowed`);
    }
  }
}

function code(character: string): number {
  return character.charCodeAt(0);
}

function describe(opcode: number): string {
  const hexadecimal = `0x${opcode.toString(16).padStart(2, '0')}`;
  return opcode > 32 && opcode < 127 ? `'${String.fromCharCode(opcode)}' (${hexadecimal})` : hexadecimal;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Error('a text in the pickle is not UTF-8');
  }
}

/** A number of any length, little-endian in two's complement; only what a double holds exactly. */
function long(bytes: Uint8Array): number {
  if (bytes.length > 8) throw new Error(`the pickle has a number of ${bytes.length} bytes`);
  let value = 0n;
  for (const [index, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * index);
  const number = Number(BigInt.asIntN(8 * bytes.length, value));
  if (Number.isSafeInteger(number)) return number;
  throw new Error('the pickle has a number that is too large');
}

type Kinds = { list: PickleList; tuple: PickleTuple; dict: PickleDict; global: Global };

function of<Kind extends keyof Kinds>(kind: Kind, value: PickleValue): Kinds[Kind] {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind)
    return value as Kinds[Kind];
  throw new Error(`the pickle uses something as a ${kind} that is none`);
}

function setItems(dict: PickleDict, items: readonly PickleValue[]): void {
  if (items.length % 2 !== 0) throw new Error('the pickle sets a key without a value');
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index];
    const name = key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : key;
    if (typeof name !== 'string') throw new Error('the pickle has a dict with a key that is no text');
    dict.entries.set(name, items[index + 1] as PickleValue);
  }
}

function global(name: string): Global {
  if ([RECONSTRUCT, NDARRAY, DTYPE].includes(name)) return { kind: 'global', name };
  throw new Error(`the pickle asks for ${JSON.stringify(name.replace(' ', '.'))}, which is not allowed`);
}

/** `_reconstruct(ndarray, (0,), 'b')` makes an empty array, and `dtype('u1', …)` the type of bytes; {@link build} fills them. */
function call(name: string, args: readonly PickleValue[]): PickleValue {
  const [first] = args;
  if (name === RECONSTRUCT && args.length === 3 && of('global', first as PickleValue).name === NDARRAY) {
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
function build(value: PickleValue, state: readonly PickleValue[]): void {
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
  const sides = of('tuple', shape as PickleValue).items;
  const isSide = (side: PickleValue): side is number => typeof side === 'number' && side >= 0;
  const product = sides.every(isSide) ? sides.reduce((total, side) => total * side, 1) : -1;
  if (product !== data.length)
    throw new Error(`the pickle has an array whose ${data.length} bytes do not fit its shape`);
  array.shape = sides as readonly number[];
  array.data = data;
}
