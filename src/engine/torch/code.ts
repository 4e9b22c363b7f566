import type { ValueType } from '../graph.ts';

/** Element types by the numbers that native/torch/program.cc gives them. */
export const typeNumbers = {
  float32: 0,
  int32: 1,
  bool: 2,
  float16: 3,
  bfloat16: 4,
  uint8: 5,
} as const satisfies Record<ValueType | 'uint8', number>;

/** A constant; one whose elements are all the same is held as that number. */
export interface TorchConstant {
  readonly slot: number;
  readonly type: number;
  readonly shape: readonly number[];
  /** Shape and type of `data`. */
  readonly held: readonly number[];
  readonly storage: number;
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** A program as the addon takes it: instructions on numbered slots. */
export interface TorchCode {
  /** Names of the operations that instructions refer to by number. */
  readonly operations: readonly string[];
  /** Instructions one after the other: operation, node, inputs, outputs, arguments; each list after its length. */
  readonly code: Float64Array;
  readonly slots: number;
  readonly constants: readonly TorchConstant[];
  /** Slot and type of every state tensor and feed, in the program's order. */
  readonly states: readonly (readonly [slot: number, type: number])[];
  readonly feeds: readonly (readonly [slot: number, type: number])[];
  /** Index of every state tensor that is replaced, and the slot of its new value. */
  readonly next: readonly (readonly [state: number, slot: number])[];
  /** Indices of the state tensors whose memory may be written over at their last use. */
  readonly donated: readonly number[];
  readonly outputs: readonly number[];
  /** Whether products of float32 may round their operands on GPUs that are faster so (TF32). */
  readonly roundsProducts?: boolean;
}

/** Writes the instructions of a program. */
export class TorchCodeBuilder {
  readonly #operations = new Map<string, number>();
  readonly #words: number[] = [];
  #slots = 0;
  /** Index of the node that instructions are part of. */
  node = -1;

  slot(): number {
    return this.#slots++;
  }

  /** An operation of one result; returns its slot. */
  op(operation: string, inputs: readonly number[], given: readonly number[] = []): number {
    return this.ops(operation, inputs, given, 1)[0] as number;
  }

  ops(operation: string, inputs: readonly number[], given: readonly number[], results: number): number[] {
    const outputs = Array.from({ length: results }, () => this.slot());
    const number = this.#operations.get(operation) ?? this.#operations.size;
    this.#operations.set(operation, number);
    this.#words.push(number, this.node);
    for (const list of [inputs, outputs, given]) this.#words.push(list.length, ...list);
    return outputs;
  }

  finish(): Pick<TorchCode, 'operations' | 'code' | 'slots'> {
    return { operations: [...this.#operations.keys()], code: Float64Array.from(this.#words), slots: this.#slots };
  }
}
