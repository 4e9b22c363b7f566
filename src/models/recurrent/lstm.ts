import * as tf from '@tensorflow/tfjs-core';
import { sequence, sigmoidSlope, steps, tanhSlope, weightGradient } from './sequence.ts';

/** What a step's gradient needs: the activated gates, the cell before and after the step, and the output before it. */
interface Step {
  readonly gates: readonly [input: tf.Tensor, forget: tf.Tensor, candidate: tf.Tensor, output: tf.Tensor];
  readonly cell: tf.Tensor;
  /** tanh of the cell. */
  readonly shown: tf.Tensor;
}

/**
 * The outputs of a layer of long short-term memory (Hochreiter and Schmidhuber, 1997; as `torch.nn.LSTM`), from a state of
 * zeros. Steps are unrolled; the gradient by the weight is one product over all of them.
 *
 * @param inputs what each step adds to the gates: inputs by their weight, and both biases; [B, T, 4 H]
 * @param weight [4 H, H], of the output before
 * @returns [B, T, H]
 */
export function lstmOutputs(inputs: tf.Tensor3D, weight: tf.Tensor2D): tf.Tensor3D {
  const operation = tf.customGrad((...args: unknown[]) => {
    const [x, w, save] = args as [tf.Tensor, tf.Tensor2D, tf.GradSaveFunc];
    const { outputs, taken } = forward(steps(x), w);
    save([w, ...outputs, ...taken.flatMap(({ gates, cell, shown }) => [...gates, cell, shown])]);
    return {
      value: sequence(outputs),
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [weights, ...rest] = saved as [tf.Tensor2D, ...tf.Tensor[]];
        const length = dy.shape[1] as number;
        const before = rest.slice(0, length - 1);
        const errors = backward(steps(dy), weights, stepsOf(rest.slice(length)));
        const dw = length === 1 ? tf.zerosLike(weights) : weightGradient(errors.slice(1), before);
        return [sequence(errors), dw];
      },
    };
  });
  return operation(inputs, weight) as tf.Tensor3D;
}

function forward(inputs: readonly tf.Tensor2D[], weight: tf.Tensor2D) {
  const outputs: tf.Tensor2D[] = [];
  const taken: Step[] = [];
  for (const x of inputs) {
    const [before, last] = [outputs.at(-1), taken.at(-1)];
    const sums = before ? tf.add(x, tf.matMul(before, weight, false, true)) : x;
    const [i, f, g, o] = tf.split(sums, 4, 1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const gates = [tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)] as const;
    const added = tf.mul(gates[0], gates[2]);
    const cell = last ? tf.add(tf.mul(gates[1], last.cell), added) : added;
    const shown = tf.tanh(cell);
    outputs.push(tf.mul(gates[3], shown));
    taken.push({ gates, cell, shown });
  }
  return { outputs, taken };
}

/** The gradients by what each step added to the gates, [B, 4 H] each. */
function backward(dy: readonly tf.Tensor[], weight: tf.Tensor2D, taken: readonly Step[]): tf.Tensor2D[] {
  const errors: tf.Tensor2D[] = [];
  let fromCell: tf.Tensor | undefined;
  for (let at = taken.length - 1; at >= 0; at--) {
    const { gates, shown } = taken[at] as Step;
    const [input, forget, candidate, output] = gates;
    const later = errors[0];
    const own = dy[at] as tf.Tensor;
    const dOutput = later ? tf.add(own, tf.matMul(later, weight)) : own;
    const byCell = tf.mul(tf.mul(dOutput, output), tanhSlope(shown));
    const dCell = fromCell ? tf.add(fromCell, byCell) : byCell;
    const last = taken[at - 1]?.cell;
    const toForget = last ? tf.mul(tf.mul(dCell, last), sigmoidSlope(forget)) : tf.zerosLike(forget);
    errors.unshift(
      tf.concat(
        [
          tf.mul(tf.mul(dCell, candidate), sigmoidSlope(input)),
          toForget,
          tf.mul(tf.mul(dCell, input), tanhSlope(candidate)),
          tf.mul(tf.mul(dOutput, shown), sigmoidSlope(output)),
        ],
        1,
      ) as tf.Tensor2D,
    );
    fromCell = tf.mul(dCell, forget);
  }
  return errors;
}

function stepsOf(saved: readonly tf.Tensor[]): Step[] {
  return Array.from({ length: saved.length / 6 }, (_, at) => {
    const [i, f, g, o, cell, shown] = saved.slice(6 * at, 6 * at + 6) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    return { gates: [i, f, g, o], cell, shown };
  });
}
