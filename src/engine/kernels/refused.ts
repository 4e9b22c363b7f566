const dataDependent = (instead: string) => `The shape of its result depends on the data; ${instead}.`;
/** Kernels of tfjs that cannot be part of a program, and what to do instead. Those that nobody asked for are not listed. */
export const refused: Readonly<Record<string, string>> = {
  NonMaxSuppressionV3: dataDependent('use tf.image.nonMaxSuppressionPadded with padToMaxOutputSize'),
  NonMaxSuppressionV5: dataDependent('use tf.image.nonMaxSuppressionPadded with padToMaxOutputSize'),
  Unique: dataDependent('count with tf.bincount, or find the unique elements before the step'),
  Where: dataDependent('select with tf.where(condition, a, b)'),
  Multinomial: 'A traced program draws no numbers; draw them before the step and pass them as a feed.',
};
