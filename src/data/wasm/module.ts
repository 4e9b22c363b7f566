import { type Code, type Local, unsigned } from './instructions.ts';
import { kernelMemory } from './memory.ts';

const types = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b } as const;
type ValueType = keyof typeof types;
export type NewLocal = (type: ValueType) => Local;

export interface FunctionBody {
  /** All of 32 bits. */
  readonly parameters: number;
  /** Whether a number of 32 bits is left at the end. */
  readonly hasResult: boolean;
  readonly locals: readonly ValueType[];
  readonly code: Code;
}

/**
 * A function with the named parameters, whose `body` asks for locals as it needs them. A result is what its code leaves.
 */
export function functionOf<const Name extends string>(
  parameters: readonly Name[],
  body: (parameters: Readonly<Record<Name, Local>>, local: NewLocal) => Code,
  { hasResult = false } = {},
): FunctionBody {
  const locals: ValueType[] = [];
  const local = (place: number): Local => [0x20, unsigned(place)];
  const named = Object.fromEntries(parameters.map((name, place) => [name, local(place)])) as Record<Name, Local>;
  const code = body(named, (type) => local(parameters.length + locals.push(type) - 1));
  return { parameters: parameters.length, hasResult, locals, code };
}

const MEMORY = 'memory';

/** A module of functions by their names, whose memory is imported. */
function moduleOf(functions: Readonly<Record<string, FunctionBody>>): Uint8Array<ArrayBuffer> {
  const bodies = Object.values(functions);
  const bytesOf = (code: Code): readonly number[] => {
    if (typeof code === 'number') return [code];
    return 'parameters' in code ? unsigned(bodies.indexOf(code)) : code.flatMap(bytesOf);
  };
  const sized = (code: Code): readonly number[] => {
    const bytes = bytesOf(code);
    return [...unsigned(bytes.length), ...bytes];
  };
  const list = (items: readonly Code[]): Code => [unsigned(items.length), items];
  const section = (id: number, items: readonly Code[]): Code => [id, sized(list(items))];
  const text = (name: string): Code => sized([...Buffer.from(name)]);
  const typeOf = ({ parameters, hasResult }: FunctionBody): Code => [
    0x60,
    list(Array(parameters).fill(types.i32)),
    list(hasResult ? [types.i32] : []),
  ];
  const module: Code = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, bodies.map(typeOf)),
    section(2, [[text(MEMORY), text(MEMORY), 2, 0, 1]]),
    section(
      3,
      bodies.map((_, index) => unsigned(index)),
    ),
    section(
      7,
      Object.keys(functions).map((name, index) => [text(name), 0, unsigned(index)]),
    ),
    section(
      10,
      bodies.map(({ locals, code }) => sized([list(locals.map((type) => [1, types[type]])), code, 0x0b])),
    ),
  ];
  return Uint8Array.from(bytesOf(module));
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** Functions by their names, which read and write the kernels' memory. */
export function instantiate(functions: Readonly<Record<string, FunctionBody>>): unknown {
  const imports = { [MEMORY]: { [MEMORY]: kernelMemory() } };
  return new WebAssembly.Instance(new WebAssembly.Module(moduleOf(functions)), imports).exports;
}
