import { sizeOf } from '../../../util/tensor.ts';
import type { Value } from '../../graph.ts';
import { type Fusion, type Matching, orders, scaled } from './matching.ts';

/**
 * A step of AdamW over flat vectors, as `training/adamw.ts` writes it: FusedAdamW of (parameters, m, v, gradient, kept,
 * deviation, rate) with their new values. The first `decayed` parameters are multiplied by `kept` before the step, which is
 * m' / (√v' / deviation + eps) times `rate`.
 */
export const adamw: Fusion = (matching, node) => {
  if (node.kernel !== 'Sub') return undefined;
  const [start, step] = node.inputs as [Value, Value];
  for (const [ratio, rate] of orders(matching.producer(step, 'Multiply'))) {
    const [nextM, denominator] = matching.producer(ratio, 'RealDiv')?.inputs ?? [];
    for (const [root, number] of orders(matching.producer(denominator, 'Add'))) {
      const eps = matching.element(number);
      const [square, deviation] = matching.producer(root, 'RealDiv')?.inputs ?? [];
      const nextV = matching.producer(square, 'Sqrt')?.inputs[0];
      const first = averaged(matching, nextM);
      const second = averaged(matching, nextV);
      if (eps === undefined || !deviation || !first || !second || !nextM || !nextV) continue;
      if (matching.producer(second.added, 'Square')?.inputs[0]?.id !== first.added.id) continue;
      const decay = decayIn(matching, start);
      const vectors = [decay.parameters, first.slot, second.slot, first.added];
      const isFlat = vectors.every(({ shape }) => shape.length === 1 && shape[0] === start.shape[0]);
      const scalars = [decay.kept ?? rate, deviation, rate];
      if (!isFlat || scalars.some(({ shape }) => sizeOf(shape) !== 1)) continue;
      return {
        kernel: 'FusedAdamW',
        inputs: [...vectors, ...scalars],
        attributes: { first: first.factors, second: second.factors, eps, decayed: decay.kept ? decay.count : 0 },
        outputs: [...node.outputs, nextM, nextV],
      };
    }
  }
  return undefined;
};

/** a x + b y of numbers a and b: the slot x, what is added y, and both numbers. */
function averaged(matching: Matching, value: Value | undefined) {
  const [a, b] = matching.producer(value, 'Add')?.inputs ?? [];
  const [kept, added] = [scaled(matching, a), scaled(matching, b)];
  return kept && added && { slot: kept.x, added: added.x, factors: [kept.factor, added.factor] };
}

/** Parameters of which the first `count` are multiplied by a scalar, or none. */
function decayIn(matching: Matching, start: Value): { parameters: Value; kept?: Value; count: number } {
  for (const [parameters, kept] of orders(matching.producer(start, 'Multiply'))) {
    if (sizeOf(kept.shape) === 1) return { parameters, kept, count: sizeOf(parameters.shape) };
  }
  const none = { parameters: start, count: 0 };
  const parts = matching.producer(start, 'Concat')?.inputs ?? [];
  const split = matching.producer(parts.at(-1), 'SplitV');
  const source = split?.inputs[0];
  if (!split || !source || split.outputs.length !== parts.length) return none;
  if (split.outputs.at(-1)?.id !== parts.at(-1)?.id) return none;
  const factors = parts.slice(0, -1).map((part, at) => {
    const found = orders(matching.producer(part, 'Multiply')).find(([piece]) => piece.id === split.outputs[at]?.id);
    return found?.[1];
  });
  const [kept] = factors;
  if (!kept || factors.some((factor) => factor?.id !== kept.id)) return none;
  return { parameters: source, kept, count: parts.slice(0, -1).reduce((sum, { shape }) => sum + sizeOf(shape), 0) };
}

/** The sum of all squares of a tensor: FusedSumOfSquares of x. */
export const sumOfSquares: Fusion = (matching, node) => {
  const [value] = node.inputs;
  const x = node.kernel === 'Sum' ? matching.producer(value, 'Square')?.inputs[0] : undefined;
  const isWhole = node.outputs[0]?.shape.length === 0 && x?.dtype === 'float32';
  if (!x || !value || !isWhole || matching.uses(value) !== 1) return undefined;
  return { kernel: 'FusedSumOfSquares', inputs: [x], attributes: {}, outputs: node.outputs };
};
