import { backend_util } from '@tensorflow/tfjs-core';
import { sizeOf } from '../../util/tensor.ts';
import type { Attributes, Value, ValueType } from '../graph.ts';

/** Shape and type of a node's output. */
export interface OutputType {
  readonly dtype: ValueType;
  readonly shape: readonly number[];
}

/** What the front end must know of a kernel. */
export interface Kernel {
  /** tfjs' names of the kernel's inputs in order; 'list' where it takes an array. */
  readonly inputs: readonly string[] | 'list';
  /** 'list' where tfjs expects a list of outputs, even of one. */
  readonly outputs?: 'list';
  infer(inputs: readonly Value[], attributes: Attributes): readonly OutputType[];
  /** Floating-point operations; one per element written where this is absent. */
  flops?(inputs: readonly Value[], outputs: readonly OutputType[], attributes: Attributes): number;
  /** Whether the result at an element depends on the inputs at that element only, with broadcasting. */
  readonly elementwise?: boolean;
}

/** Kernels of one family by name. */
export type Kernels = Readonly<Record<string, Kernel>>;

/** For kernels that move or reinterpret elements and compute nothing. */
export const noFlops = (): number => 0;

export function sizeOfAll(outputs: readonly OutputType[]): number {
  return outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

export function like(x: OutputType, dtype: ValueType = x.dtype): OutputType {
  return { dtype, shape: x.shape };
}

/** The shape that operands broadcast to, by NumPy's rules. */
export function broadcastShape(inputs: readonly OutputType[]): number[] {
  return inputs.reduce<number[]>(
    (shape, { shape: other }) => backend_util.assertAndGetBroadcastShape(shape, [...other]),
    [],
  );
}

/** A kernel of one input and one output. */
export function shaped(input: string, infer: (x: Value, attributes: Attributes) => OutputType): Kernel {
  return { inputs: [input], infer: ([x], attributes) => [infer(x as Value, attributes)] };
}

/** @throws RangeError where `fits` is false; the recorder adds the kernel's name and the shapes of its inputs. */
export function check(fits: boolean, message: string): void {
  if (!fits) throw new RangeError(message);
}

/** Whether shapes are equal, leaving out one axis. */
export function sameElsewhere(a: readonly number[], b: readonly number[], axis: number): boolean {
  return a.length === b.length && a.every((extent, index) => index === axis || extent === b[index]);
}

/** The same kernel under several names. */
export function named(names: string, kernel: Kernel): Kernels {
  return Object.fromEntries(names.split(' ').map((name) => [name, kernel]));
}

/** Axes as tfjs gives them, one or several or none for all, not negative and ascending. */
export function axesOf(axis: unknown, rank: number): number[] {
  const axes = axis === undefined || axis === null ? [...Array(rank).keys()] : [axis].flat();
  return axes.map((value) => axisOf(value, rank)).sort((a, b) => a - b);
}

/** One axis, not negative. @throws RangeError where there is no such axis. */
export function axisOf(axis: unknown, rank: number): number {
  const given = axis as number;
  check(Number.isInteger(given) && given >= -rank && given < rank, `there is no axis ${given} of ${rank}`);
  return (given + rank) % rank;
}
