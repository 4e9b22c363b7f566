import type { Attributes, Constant, Node, Value, ValueType } from './graph.ts';
import { sameShape } from './graph.ts';
import { inferred } from './kernels/infer.ts';
import { reducedAxes } from './kernels/reduction.ts';
import { kernels } from './kernels/table.ts';

const SHAPE_ONLY = new Set(
  'Reshape ExpandDims Transpose Slice StridedSlice Tile Reverse BroadcastTo Unpack SplitV'.split(' '),
);

/**
 * Collects the nodes of a graph while a program is traced.
 *
 * It keeps the graph lean as it grows: an operation on the same inputs is recorded once, uniform constants are folded,
 * and multiplying by ones or adding zeros, which tfjs' gradients do to broadcast, becomes a broadcast that is not computed
 * where its consumers broadcast anyway.
 */
export class Recorder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<number, Constant>();
  /** What values are called in messages, by their identifiers. */
  readonly names = new Map<number, string>();
  /** Where constants and attributes came in that are no numbers, by the values that depend on them. */
  readonly notNumbers = new Map<number, Error>();
  readonly #known = new Map<string, readonly Value[]>();
  readonly #producers = new Map<number, Node>();
  readonly #values = new WeakSet<Value>();
  #next = 0;

  value(dtype: ValueType, shape: readonly number[]): Value {
    const value = { id: this.#next++, dtype, shape: [...shape] };
    this.#values.add(value);
    return value;
  }

  /** Whether a value is one of the graph that is recorded here: others may have its identifier. */
  owns(value: Value): boolean {
    return this.#values.has(value);
  }

  splat(element: number, dtype: ValueType, shape: readonly number[]): Value {
    // Nothing broadcasts like one number.
    if (shape.includes(0)) return this.#dense(new Float32Array(), dtype, shape);
    const key = `splat ${Object.is(element, -0) ? '-0' : element} ${dtype} ${shape}`;
    const known = this.#known.get(key)?.[0];
    if (known) return known;
    const value = this.value(dtype, shape);
    this.constants.set(value.id, { kind: 'splat', value, element });
    if (Number.isNaN(element)) this.notNumbers.set(value.id, new Error());
    this.#known.set(key, [value]);
    return value;
  }

  constant(data: Float32Array | Int32Array | Uint8Array, dtype: ValueType, shape: readonly number[]): Value {
    const [first = 0] = data;
    if (data.every((element) => Object.is(element, first))) return this.splat(first, dtype, shape);
    return this.#dense(data, dtype, shape);
  }

  #dense(data: Float32Array | Int32Array | Uint8Array, dtype: ValueType, shape: readonly number[]): Value {
    const value = this.value(dtype, shape);
    this.constants.set(value.id, { kind: 'dense', value, data });
    if (data.some(Number.isNaN)) this.notNumbers.set(value.id, new Error());
    return value;
  }

  record(kernel: string, given: readonly Value[], attributes: Attributes): readonly Value[] {
    const types = inferred(kernel, given, attributes, (value) => this.#nameOf(value));
    const first = types[0] as (typeof types)[number];
    const simpler = types.length === 1 ? this.#simplify(kernel, given, attributes, first) : undefined;
    if (simpler) return [simpler];
    if (given.length === 1 && SHAPE_ONLY.has(kernel)) {
      const element = this.#element(given[0] as Value);
      if (element !== undefined) return types.map(({ dtype, shape }) => this.splat(element, dtype, shape));
    }
    const inputs = kernels[kernel]?.elementwise ? this.#withoutBroadcasts(given, first.shape) : given;
    const key = `${kernel} ${inputs.map(({ id }) => id)} ${JSON.stringify(attributes, distinctly)}`;
    const known = this.#known.get(key);
    if (known) return known;
    const outputs = types.map(({ dtype, shape }) => this.value(dtype, shape));
    const node = { kernel, inputs, attributes, outputs };
    this.nodes.push(node);
    for (const output of outputs) this.#producers.set(output.id, node);
    if (Object.values(attributes).some(Number.isNaN))
      for (const output of outputs) this.notNumbers.set(output.id, new Error());
    this.#known.set(key, outputs);
    return outputs;
  }

  /** A value equal to the operation's result that takes no node of its kernel, if there is one. */
  #simplify(
    kernel: string,
    inputs: readonly Value[],
    attributes: Attributes,
    { dtype, shape }: { dtype: ValueType; shape: readonly number[] },
  ): Value | undefined {
    const [a, b] = inputs;
    if (!a) return undefined;
    const x = this.#element(a);
    const y = b && this.#element(b);
    if (kernel === 'Cast' && a.dtype === dtype) return a;
    if (kernel === 'Cast' && x !== undefined) return this.splat(converted(x, dtype), dtype, shape);
    if ((kernel === 'Reshape' || kernel === 'Tile' || kernel === 'BroadcastTo') && sameShape(a.shape, shape)) return a;
    if (kernel === 'Tile' && a.shape.every((extent) => extent === 1)) return this.#broadcast(a, shape);
    if (kernel === 'Transpose' && (attributes.perm as number[]).every((axis, index) => axis === index)) return a;
    if (kernel === 'Reshape') {
      const producer = this.#producers.get(a.id);
      if (producer?.kernel === 'Reshape') return this.record('Reshape', producer.inputs, { shape: [...shape] })[0];
    }
    if (kernel === 'Neg' && x !== undefined) return this.splat(-x, dtype, shape);
    if ((kernel === 'Sum' || kernel === 'Mean') && x !== undefined && dtype === 'float32') {
      const axes = reducedAxes(attributes, a.shape.length);
      const count = axes.reduce((product, axis) => product * (a.shape[axis] as number), 1);
      return this.splat(kernel === 'Sum' ? Math.fround(x * count) : x, dtype, shape);
    }
    if (!b) return undefined;
    if (x !== undefined && y !== undefined && dtype === 'float32') {
      const folded = { Add: x + y, Sub: x - y, Multiply: x * y, RealDiv: x / y }[kernel];
      if (folded !== undefined) return this.splat(Math.fround(folded), dtype, shape);
    }
    const neutral = { Add: 0, Sub: 0, Multiply: 1, RealDiv: 1 }[kernel];
    if (neutral === undefined) return undefined;
    if (y === neutral) return this.#broadcast(a, shape);
    if (x === neutral && (kernel === 'Add' || kernel === 'Multiply')) return this.#broadcast(b, shape);
    return undefined;
  }

  /** The name of a value, or of the one that its elements were moved from. */
  #nameOf(value: Value): string | undefined {
    const name = this.names.get(value.id);
    if (name !== undefined) return name;
    let source = this.#producers.get(value.id);
    while (source && (SHAPE_ONLY.has(source.kernel) || source.kernel === 'Cast')) {
      const [operand] = source.inputs as [Value];
      const origin = this.names.get(operand.id);
      if (origin !== undefined) return `made of ${origin}`;
      source = this.#producers.get(operand.id);
    }
    return undefined;
  }

  #broadcast(value: Value, shape: readonly number[]): Value {
    return this.record('BroadcastTo', [value], { shape: [...shape] })[0] as Value;
  }

  /** The number that all elements of a constant are, if they are. */
  #element(value: Value): number | undefined {
    const constant = this.constants.get(value.id);
    return constant?.kind === 'splat' ? constant.element : undefined;
  }

  /** Inputs of an elementwise operation with broadcasts left out where another input has the full shape. */
  #withoutBroadcasts(inputs: readonly Value[], shape: readonly number[]): readonly Value[] {
    const source = (value: Value) => {
      const producer = this.#producers.get(value.id);
      return producer?.kernel === 'BroadcastTo' ? (producer.inputs[0] as Value) : value;
    };
    const isFull = (value: Value) =>
      source(value) === value && this.#element(value) === undefined && sameShape(value.shape, shape);
    return inputs.some(isFull) ? inputs.map(source) : inputs;
  }
}

function converted(element: number, dtype: ValueType): number {
  if (dtype === 'bool') return element === 0 ? 0 : 1;
  return dtype === 'int32' ? Math.trunc(element) : Math.fround(element);
}

/** JSON calls every number null that is not finite, and minus zero zero. */
function distinctly(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return Object.is(value, -0) ? '-0' : String(value);
}
