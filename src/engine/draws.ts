import * as tf from '@tensorflow/tfjs-core';

/** tfjs' operations that draw numbers in JavaScript and make tensors of them. Each runs in a scope that has its name. */
const drawing = new Set(
  'dropout rand randomGamma randomNormal randomStandardNormal randomUniform randomUniformInt truncatedNormal'
    .split(' ')
    .map((name) => name + tf.OP_SCOPE_SUFFIX),
);

/** The operation of tfjs that is drawing random numbers at the moment, the outermost if it calls others. */
export function drawingOperation(): string | undefined {
  const scope = tf.engine().state.scopeStack.find(({ name }) => drawing.has(name));
  return scope?.name.slice(0, -tf.OP_SCOPE_SUFFIX.length);
}
