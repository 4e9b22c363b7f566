import * as tf from '@tensorflow/tfjs-core';
import { after } from '../../engine/after.ts';
import type { Tensors } from '../../engine/program.ts';
import type { StatePart } from '../../models/network.ts';
import { layoutsOf } from '../network-layouts.ts';

/** A loss within a step whose gradient is taken by itself. */
export interface Stage {
  /** Parts by whose trainable parameters it is taken. */
  readonly parts: readonly StatePart[];
  /**
   * @param x what the stage before gives, or the course's input; no gradient is taken by it
   * @param parameters of all parts, by key
   */
  run(x: tf.Tensor, parameters: Tensors): { readonly loss: tf.Scalar; readonly output: tf.Tensor };
}

/** The stages of a step, one after the other. */
export interface Course {
  readonly input: tf.Tensor;
  readonly stages: readonly Stage[];
  /** Whether what the last stage gives is a result of the step. */
  readonly passesOn?: boolean;
}

/** Names of the parameters that a stage's gradient is taken by, in the order of a layout. */
export function trainedIn(parts: readonly StatePart[]): string[] {
  return layoutsOf(parts).trained.parameters.map(({ name }) => name);
}

/**
 * The flat gradients of all stages by the parameters that each trains, and the loss of the last stage, which is no number where
 * that of another stage is none.
 *
 * The backward pass of a stage comes before the forward pass of the next, so that only one stage's intermediate results are
 * alive at a time.
 *
 * @param scale what losses' gradients are multiplied by
 * @returns with what the last stage gives, where the course passes it on
 */
export function courseGradients(
  { input, stages, passesOn = false }: Course,
  parameters: Tensors,
  scale: tf.Scalar | undefined,
): { readonly loss: tf.Tensor; readonly gradients: ReadonlyMap<string, tf.Tensor>; readonly output?: tf.Tensor } {
  const gradients = new Map<string, tf.Tensor>();
  const losses: tf.Tensor[] = [];
  let x = input;
  /** What the stage before gives: it outlives the scope that made it, and is disposed by hand. */
  let given: tf.Tensor | undefined;
  for (const [index, stage] of stages.entries()) {
    const names = trainedIn(stage.parts);
    const outputs: tf.Tensor[] = [];
    const { value, grads } = tf.valueAndGrads((...trained: tf.Tensor[]) => {
      const own = Object.fromEntries(names.map((name, at) => [name, trained[at] as tf.Tensor]));
      const { loss, output } = stage.run(x, { ...parameters, ...own });
      if (passesOn || index < stages.length - 1) outputs.push(tf.keep(tf.clone(output)));
      return loss;
    })(
      names.map((name) => parameters[name] as tf.Tensor),
      scale,
    );
    // ONNX Runtime computes the latest recorded first: those of the last layers, as a backward pass should.
    const flat = grads.map((gradient) => tf.reshape(gradient, [-1]));
    for (const [at, name] of names.entries()) gradients.set(name, flat[at] as tf.Tensor);
    losses.push(value);
    given?.dispose();
    [given] = outputs;
    if (given) x = after(given, flat);
  }
  if (!given) return { loss: lastOf(losses), gradients };
  const output = tf.clone(given);
  given.dispose();
  return { loss: lastOf(losses), gradients, output };
}

/** The last of the losses; no number, or not finite, where another is not finite. */
function lastOf(losses: readonly tf.Tensor[]): tf.Tensor {
  const last = losses.at(-1) as tf.Tensor;
  if (losses.length === 1) return last;
  const others = tf.addN(losses.slice(0, -1));
  return tf.add(last, tf.sub(others, others));
}
