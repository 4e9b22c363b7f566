import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { expectEqualOnBothEngines, normals, type Operation, wholeNumbers } from '../../support/compare-engines.ts';

type Inputs = Readonly<Record<string, tf.Tensor>>;
const at = (inputs: Inputs, name: string) => inputs[name] as tf.Tensor;
const image = (inputs: Inputs, name: string) => inputs[name] as tf.Tensor4D;
const matrix = (inputs: Inputs, name: string) => inputs[name] as tf.Tensor2D;
const vector = (inputs: Inputs, name: string) => inputs[name] as tf.Tensor1D;

function normalised(x: tf.Tensor4D, gain: tf.Tensor1D, bias: tf.Tensor1D): tf.Tensor4D {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, bias, gain, 1e-3);
}

/** A stage of a residual network that halves the images, and the pooled logits (He et al., 2016). */
const residual: Operation = {
  name: 'residual network',
  inputs: {
    x: normals('x', [2, 8, 8, 3]),
    stem: normals('stem', [3, 3, 3, 4]),
    first: normals('first', [3, 3, 4, 6]),
    second: normals('second', [3, 3, 6, 6]),
    shortcut: normals('shortcut', [1, 1, 4, 6]),
    gain: normals('gain', [6]),
    bias: normals('bias', [6]),
    head: normals('head', [6, 5]),
  },
  body(given) {
    const stem = tf.maxPool(tf.relu(tf.conv2d(image(given, 'x'), image(given, 'stem'), 1, 'same')), 3, 1, 'same');
    const first = tf.conv2d(stem, image(given, 'first'), 2, 'same');
    const active = tf.relu(normalised(first, vector(given, 'gain'), vector(given, 'bias')));
    const second = normalised(
      tf.conv2d(active, image(given, 'second'), 1, 'same'),
      vector(given, 'gain'),
      vector(given, 'bias'),
    );
    const sum = tf.relu(tf.add(second, tf.conv2d(stem, image(given, 'shortcut'), 2, 'same')));
    return tf.logSoftmax(tf.matMul(tf.mean(sum, [1, 2]), matrix(given, 'head')));
  },
};

/** A layer of a decoder: embeddings, causal attention, and logits by the transposed embeddings (Vaswani et al., 2017). */
const decoder: Operation = {
  name: 'decoder',
  inputs: {
    tokens: wholeNumbers('tokens', [2, 5], 7),
    embeddings: normals('embeddings', [7, 4]),
    projections: normals('projections', [4, 12]),
  },
  body(given) {
    const x = tf.gather(at(given, 'embeddings'), tf.cast(at(given, 'tokens'), 'int32'));
    const joined = tf.matMul(tf.reshape(x, [10, 4]), at(given, 'projections'));
    const [q, k, v] = tf.split(tf.reshape(joined, [2, 5, 12]), 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const isPast = tf.linalg.bandPart(tf.ones([5, 5]), -1, 0);
    const scores = tf.add(tf.matMul(q, k, false, true), tf.mul(tf.sub(1, isPast), -1e9));
    const mixed = tf.add(x, tf.matMul(tf.softmax(scores), v));
    return tf.logSoftmax(tf.matMul(tf.reshape(mixed, [10, 4]), at(given, 'embeddings'), false, true));
  },
};

/** Two steps of a long short-term memory (Hochreiter and Schmidhuber, 1997). */
const memory: Operation = {
  name: 'LSTM',
  inputs: { x: normals('x', [2, 3, 4]), kernel: normals('kernel', [9, 20]), bias: normals('bias', [20]) },
  body(given) {
    let [cell, hidden] = [tf.zeros([3, 5]) as tf.Tensor2D, tf.zeros([3, 5]) as tf.Tensor2D];
    for (const step of tf.unstack(at(given, 'x'))) {
      const state = [tf.scalar(1), matrix(given, 'kernel'), vector(given, 'bias'), step as tf.Tensor2D] as const;
      [cell, hidden] = tf.basicLSTMCell(...state, cell, hidden);
    }
    return tf.concat([cell, hidden], 1);
  },
};

/** Two steps of a gated recurrent unit (Cho et al., 2014). */
const gated: Operation = {
  name: 'GRU',
  inputs: {
    x: normals('x', [2, 3, 4]),
    gates: normals('gates', [9, 10]),
    candidate: normals('candidate', [9, 5]),
  },
  body(given) {
    let hidden = tf.zeros([3, 5]) as tf.Tensor;
    for (const step of tf.unstack(at(given, 'x'))) {
      const both = tf.sigmoid(tf.matMul(tf.concat([step, hidden], 1), at(given, 'gates')));
      const [reset, update] = tf.split(both, 2, 1) as [tf.Tensor, tf.Tensor];
      const proposed = tf.tanh(tf.matMul(tf.concat([step, tf.mul(reset, hidden)], 1), at(given, 'candidate')));
      hidden = tf.add(tf.mul(update, hidden), tf.mul(tf.sub(1, update), proposed));
    }
    return hidden;
  },
};

/** Down by pooling, wide by dilation, up by transposed convolution and by resizing (Ronneberger et al., 2015). */
const segmentation: Operation = {
  name: 'segmentation',
  inputs: {
    x: normals('x', [1, 8, 8, 2]),
    depthwise: normals('depthwise', [3, 3, 2, 2]),
    wide: normals('wide', [3, 3, 4, 4]),
    up: normals('up', [2, 2, 3, 4]),
  },
  body(given) {
    const seen = tf.relu6(tf.depthwiseConv2d(image(given, 'x'), image(given, 'depthwise'), 1, 'same'));
    const low = tf.conv2d(tf.avgPool(seen, 2, 2, 'same'), image(given, 'wide'), 1, 'same', 'NHWC', 2);
    const up = tf.conv2dTranspose(low, image(given, 'up'), [1, 8, 8, 3], 2, 'same');
    const coarse = tf.image.resizeBilinear(low, [8, 8], false, true);
    const fine = tf.image.resizeNearestNeighbor(low, [8, 8]);
    return tf.logSoftmax(tf.concat([up, coarse, fine, seen], 3));
  },
};

/** Scores and offsets of the best places, and crops around them (Ren et al., 2015). */
const detection: Operation = {
  name: 'detection',
  inputs: { features: normals('features', [1, 6, 6, 3]), score: normals('score', [1, 1, 3, 1]) },
  body(given) {
    const features = image(given, 'features');
    const scores = tf.reshape(tf.conv2d(features, image(given, 'score'), 1, 'same'), [36]);
    const { values, indices } = tf.topk(scores, 4);
    const best = tf.gatherND(tf.reshape(features, [36, 3]), tf.expandDims(indices, 1));
    const row = tf.div(tf.cast(tf.floorDiv(indices, tf.scalar(6, 'int32')), 'float32'), 6);
    const boxes = tf.stack([row, row, tf.add(row, 0.3), tf.add(row, 0.25)], 1) as tf.Tensor2D;
    const crops = tf.image.cropAndResize(features, boxes, tf.zeros([4], 'int32'), [2, 2], 'bilinear');
    return tf.concat([tf.reshape(values, [4, 1]), best, tf.reshape(crops, [4, 12])], 1);
  },
};

it.each([residual, decoder, memory, gated, segmentation, detection].map((operation) => [operation.name, operation]))(
  '%s: values and gradients are those of eager execution',
  async (_, operation) => {
    const kernels = await expectEqualOnBothEngines(operation as Operation, true);
    expect(kernels.length).toBeGreaterThan(10);
  },
);
