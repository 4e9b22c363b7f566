import { build, call, expectKind, global, type PickleValue, setItems } from './pickle-values.ts';

/*
 * Python's pickles of protocol 2, as far as CIFAR's files use them. A pickle is a program for a stack machine that may call
 * anything; this one knows a handful of instructions and three names of numpy's, which it gives a meaning of its own.
 */

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
        const list = expectKind('list', top());
        for (const item of items) list.items.push(item);
        break;
      }
      case code('s'):
      case code('u'): {
        const items = opcode === code('s') ? popMany(2) : popMarked();
        setItems(expectKind('dict', top()), items);
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
        stack.push(call(expectKind('global', callable).name, expectKind('tuple', values).items));
        break;
      }
      case code('b'): {
        const state = expectKind('tuple', pop()).items;
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
