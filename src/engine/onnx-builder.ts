import { isReduced, type Value, type ValueType } from './graph.ts';
import {
  type AttributeValues,
  type ElementType,
  elementTypes,
  type OnnxNode,
  type OnnxTensor,
  onnxNode,
} from './onnx-format.ts';
import type { Provider } from './providers.ts';

export type { AttributeValues } from './onnx-format.ts';

/** Collects the nodes and initialisers of an ONNX graph; tensors are referred to by name. */
export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #initialized = new Map<string, string>();
  /** Names of outputs by the names that their tensors had. */
  readonly #renamed = new Map<string, string>();
  #next = 0;

  fresh(): string {
    return `t${this.#next++}`;
  }

  /** Appends a node and returns the name of its only output, or of the one that is asked for. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: AttributeValues = {},
    output = this.fresh(),
    domain = '',
  ): string {
    this.ops(type, inputs, attributes, [output], domain);
    return output;
  }

  ops(
    type: string,
    inputs: readonly string[],
    attributes: AttributeValues,
    outputs: readonly string[],
    domain = '',
  ): void {
    this.nodes.push(onnxNode(type, this.#current(inputs), attributes, outputs, domain));
  }

  /** Makes a tensor an output of the graph: by its name, or by a copy where it is an input, a constant or an output already. */
  output(tensor: string, name: string): void {
    const producer = this.nodes.findIndex(({ output }) => output.includes(tensor));
    if (producer < 0 || this.#renamed.has(tensor)) {
      this.op('Identity', [tensor], {}, name);
      return;
    }
    this.#renamed.set(tensor, name);
    for (const [at, node] of this.nodes.entries()) {
      if (!node.input.includes(tensor) && at !== producer) continue;
      this.nodes[at] = { ...node, input: this.#current(node.input), output: this.#current(node.output) };
    }
  }

  #current(names: readonly string[]): string[] {
    return names.map((name) => this.#renamed.get(name) ?? name);
  }

  /** A one-dimensional int64 constant: shapes, axes, indices. */
  int64(values: readonly number[]): string {
    return this.initializer('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A constant of rank 0. */
  scalar(value: number, type: ValueType): string {
    // JavaScript has no numbers of 16 bits: ONNX Runtime converts the constant when it opens the model.
    if (isReduced(type)) return this.op('Cast', [this.scalar(value, 'float32')], { to: elementTypes[type] });
    return this.initializer(type, [], typedArray(type, [value]));
  }

  initializer(type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const small = bytes.length <= 64;
    const key = small ? `${type} ${dims} ${bytes}` : '';
    const known = this.#initialized.get(key);
    if (small && known !== undefined) return known;
    const name = this.fresh();
    this.initializers.push({ name, dims, data_type: elementTypes[type], raw_data: bytes });
    if (small) this.#initialized.set(key, name);
    return name;
  }
}

function typedArray(
  type: 'float32' | 'int32' | 'bool',
  values: readonly number[],
): Float32Array | Int32Array | Uint8Array {
  return type === 'float32'
    ? Float32Array.from(values)
    : type === 'int32'
      ? Int32Array.from(values)
      : Uint8Array.from(values);
}

/** What the lowering of a node works with. */
export interface LoweringContext {
  readonly onnx: OnnxBuilder;
  /** What will run the model. */
  readonly provider: Provider;
  /** Name of a tensor with the value's full shape. */
  full(value: Value): string;
  /** Name of a tensor that broadcasts to the value's shape: uniform constants are scalars. */
  loose(value: Value): string;
  /** The number all elements of a constant are, if they are. */
  element(value: Value): number | undefined;
  /** Channels of an image that are kept together where images are in blocks (`lowerings/blocks.ts`); 1: none are. */
  readonly block: number;
  /** Name of an image in blocks, which are made of it where it is not. */
  blocks(value: Value): string;
  /** Whether an image was computed in blocks. */
  inBlocks(value: Value): boolean;
}
