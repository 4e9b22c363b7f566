import * as tf from '@tensorflow/tfjs-core';
import { check } from '../kernels/kernel.ts';
import type { Compositions } from './composition.ts';

/** The terms of an equation such as `bij,bjk->bik`. */
export interface Equation {
  readonly terms: readonly string[];
  readonly result: string;
}

/** @throws RangeError for what tfjs does not know either: ellipses, repeated letters, more than two operands. */
export function parseEquation(equation: unknown): Equation {
  const [left = '', result = ''] = String(equation).replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const isPlain = [...terms, result].every((term) => /^[a-zA-Z]*$/.test(term) && new Set(term).size === term.length);
  const isKnown = [...result].every((letter) => left.includes(letter));
  check(isPlain && isKnown && terms.length <= 2, `the equation '${equation}' is not one of two plain terms`);
  return { terms, result };
}

/** Sums products of the operands over all letters that the result does not have; the letters name axes. */
export function contract({ terms, result }: Equation, operands: readonly tf.Tensor[]): tf.Tensor {
  const [first = '', second] = terms;
  const [a, b] = operands as [tf.Tensor, tf.Tensor];
  if (second === undefined) return reordered(...summed(a, first, result), result);
  const [x, left] = summed(a, first, result + second);
  const [y, right] = summed(b, second, result + first);
  const shared = [...left].filter((letter) => right.includes(letter));
  const batch = shared.filter((letter) => result.includes(letter)).join('');
  const inner = shared.filter((letter) => !result.includes(letter)).join('');
  const [rows, columns] = [without(left, shared), without(right, shared)];
  const extents = new Map([...axes(x, left), ...axes(y, right)]);
  const size = (letters: string) => [...letters].reduce((product, letter) => product * (extents.get(letter) ?? 1), 1);
  const product = tf.matMul(
    tf.reshape(reordered(x, left, batch + rows + inner), [size(batch), size(rows), size(inner)]),
    tf.reshape(reordered(y, right, batch + inner + columns), [size(batch), size(inner), size(columns)]),
  );
  const letters = batch + rows + columns;
  const unfolded = tf.reshape(
    product,
    [...letters].map((letter) => size(letter)),
  );
  return reordered(unfolded, letters, result);
}

const axes = (x: tf.Tensor, term: string) =>
  [...term].map((letter, axis) => [letter, x.shape[axis] as number] as const);
const without = (term: string, letters: readonly string[]) =>
  [...term].filter((letter) => !letters.includes(letter)).join('');

/** x without the axes that `kept` does not name, and its term. */
function summed(x: tf.Tensor, term: string, kept: string): [tf.Tensor, string] {
  const gone = [...term].flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]));
  const rest = [...term].filter((letter) => kept.includes(letter)).join('');
  return [gone.length === 0 ? x : tf.sum(x, gone), rest];
}

function reordered(x: tf.Tensor, term: string, wanted: string): tf.Tensor {
  if (term === wanted) return x;
  return tf.transpose(
    x,
    [...wanted].map((letter) => term.indexOf(letter)),
  );
}

export const einsum: Compositions = {
  Einsum(inputs, { equation }) {
    const operands = Object.values(inputs);
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation as string, operands.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, operands);
    return contract(parseEquation(equation), operands);
  },
};
