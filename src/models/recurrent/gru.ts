import * as tf from '@tensorflow/tfjs-core';
import { sequence, sigmoidSlope, steps, tanhSlope, weightGradient } from './sequence.ts';

/** What a step's gradient needs: the activated gates, and what the output before adds to the candidate. */
interface Step {
  readonly reset: tf.Tensor;
  readonly update: tf.Tensor;
  readonly candidate: tf.Tensor;
  readonly recalled: tf.Tensor;
}

/**
 * The outputs of a layer of gated recurrent units (Cho et al., 2014; as `torch.nn.GRU`), from a state of zeros. Steps are
 * unrolled; the gradient by the weight is one product over all of them.
 *
 * @param inputs what each step adds to the gates: inputs by their weight, and their bias; [B, T, 3 H]
 * @param weight [3 H, H], of the output before
 * @param bias [3 H], added to its product
 * @returns [B, T, H]
 */
export function gruOutputs(inputs: tf.Tensor3D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor3D {
  const operation = tf.customGrad((...args: unknown[]) => {
    const [x, w, b, save] = args as [tf.Tensor, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    const { outputs, taken } = forward(steps(x), w, b);
    save([
      w,
      ...outputs,
      ...taken.flatMap(({ reset, update, candidate, recalled }) => [reset, update, candidate, recalled]),
    ]);
    return {
      value: sequence(outputs),
      gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
        const [weights, ...rest] = saved as [tf.Tensor2D, ...tf.Tensor[]];
        const length = dy.shape[1] as number;
        const before = rest.slice(0, length - 1);
        const { byInput, byProduct } = backward(steps(dy), weights, before, stepsOf(rest.slice(length)));
        const dw = length === 1 ? tf.zerosLike(weights) : weightGradient(byProduct.slice(1), before);
        return [sequence(byInput), dw, tf.sum(tf.concat(byProduct, 0), 0)];
      },
    };
  });
  return operation(inputs, weight, bias) as tf.Tensor3D;
}

function forward(inputs: readonly tf.Tensor2D[], weight: tf.Tensor2D, bias: tf.Tensor1D) {
  const outputs: tf.Tensor2D[] = [];
  const taken: Step[] = [];
  for (const x of inputs) {
    const before = outputs.at(-1);
    const product = before
      ? tf.add(tf.matMul(before, weight, false, true), bias)
      : tf.broadcastTo(bias, [x.shape[0], bias.shape[0]]);
    const [xr, xz, xn] = tf.split(x, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [pr, pz, recalled] = tf.split(product, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const reset = tf.sigmoid(tf.add(xr, pr));
    const update = tf.sigmoid(tf.add(xz, pz));
    const candidate = tf.tanh(tf.add(xn, tf.mul(reset, recalled)));
    const kept = before ? tf.sub(before, candidate) : tf.neg(candidate);
    outputs.push(tf.add(candidate, tf.mul(update, kept)));
    taken.push({ reset, update, candidate, recalled });
  }
  return { outputs, taken };
}

/** The gradients by what each step's input, and the product with the output before it, added to the gates; [B, 3 H] each. */
function backward(dy: readonly tf.Tensor[], weight: tf.Tensor2D, before: readonly tf.Tensor[], taken: readonly Step[]) {
  const byInput: tf.Tensor2D[] = [];
  const byProduct: tf.Tensor2D[] = [];
  let fromLater: tf.Tensor | undefined;
  for (let at = taken.length - 1; at >= 0; at--) {
    const { reset, update, candidate, recalled } = taken[at] as Step;
    const own = dy[at] as tf.Tensor;
    const dOutput = fromLater ? tf.add(own, fromLater) : own;
    const last = before[at - 1];
    const kept = last ? tf.sub(last, candidate) : tf.neg(candidate);
    const toUpdate = tf.mul(tf.mul(dOutput, kept), sigmoidSlope(update));
    const toCandidate = tf.mul(tf.mul(dOutput, tf.sub(1, update)), tanhSlope(candidate));
    const toReset = tf.mul(tf.mul(toCandidate, recalled), sigmoidSlope(reset));
    byInput.unshift(tf.concat([toReset, toUpdate, toCandidate], 1) as tf.Tensor2D);
    const errors = tf.concat([toReset, toUpdate, tf.mul(toCandidate, reset)], 1) as tf.Tensor2D;
    byProduct.unshift(errors);
    fromLater = tf.add(tf.mul(dOutput, update), tf.matMul(errors, weight));
  }
  return { byInput, byProduct };
}

function stepsOf(saved: readonly tf.Tensor[]): Step[] {
  return Array.from({ length: saved.length / 4 }, (_, at) => {
    const [reset, update, candidate, recalled] = saved.slice(4 * at, 4 * at + 4) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    return { reset, update, candidate, recalled };
  });
}
