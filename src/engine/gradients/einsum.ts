import * as tf from '@tensorflow/tfjs-core';
import { contract, parseEquation } from '../compositions/einsum.ts';
import type { Gradients } from './gradient.ts';

export const einsum: Gradients = {
  /** By an operand, the contraction of dy with the other one, repeated along axes of the operand alone. */
  Einsum: {
    inputs: 'all',
    by([dy], operands, { equation }) {
      const { terms, result } = parseEquation(equation);
      const byOperand = (index: number) => {
        const own = terms[index] as string;
        const { shape } = operands[index] as tf.Tensor;
        const others = operands.filter((_, at) => at !== index);
        const otherTerms = terms.filter((_, at) => at !== index);
        const known = [...own].filter((letter) => [result, ...otherTerms].some((term) => term.includes(letter)));
        const gradient = contract({ terms: [result, ...otherTerms], result: known.join('') }, [dy, ...others]);
        const spread = shape.map((extent, axis) => (known.includes(own[axis] as string) ? extent : 1));
        return tf.broadcastTo(tf.reshape(gradient, spread), shape);
      };
      return Object.fromEntries(terms.map((_, index) => [String(index), () => byOperand(index)]));
    },
  },
};
