import * as tf from '@tensorflow/tfjs-core';

/** As InfoPro. */
const TEMPERATURE = 0.07;
/** As good as the logarithm of nothing, within the range of float16. */
const NEVER = -1e4;

/**
 * Supervised contrastive loss (Khosla et al., NeurIPS 2020, equation 2) of one view of each sample: the mean, over samples that
 * have others of their class in the batch, of -1/|P(i)| Σ_p log(exp(z_i z_p / τ) / Σ_a≠i exp(z_i z_a / τ)), with z of unit
 * length. Zero where no sample has another of its class.
 *
 * @param embeddings [B, D], of any length
 * @param labels int32 [B]
 */
export function supervisedContrast(embeddings: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const batch = embeddings.shape[0];
  const squares = tf.sum(tf.square(embeddings), 1, true);
  const unit = tf.mul(embeddings, tf.rsqrt(tf.maximum(squares, 1e-16)));
  const similarity = tf.div(tf.matMul(unit, unit, false, true), TEMPERATURE); // [B, B]
  const self = tf.eye(batch);
  const logShares = tf.logSoftmax(tf.add(similarity, tf.mul(self, NEVER)));
  const alike = tf.cast(tf.equal(tf.expandDims(labels, 1), tf.expandDims(labels, 0)), 'float32');
  const positives = tf.sub(alike, self);
  const counts = tf.sum(positives, 1);
  const sums = tf.sum(tf.mul(logShares, positives), 1);
  const losses = tf.neg(tf.div(sums, tf.maximum(counts, 1)));
  const anchors = tf.sum(tf.minimum(counts, 1));
  return tf.div(tf.sum(losses), tf.maximum(anchors, 1));
}
