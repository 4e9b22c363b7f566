/** Specs that supported operations do not pass, with the reason. */
export const exceptions: Readonly<Record<string, string>> = {
  'avgPool {} gradient x=[3,3,1] f=[3,3] s=1 p=explicit':
    'tfjs divides by all places of the window; ours, by those in the image, agrees with central differences.',
  'mirrorPad {} grad': 'tfjs leaves the mirrored places out; ours agrees with central differences.',
  'mirrorPad {} gradient with clones': 'tfjs leaves the mirrored places out; ours agrees with central differences.',
  'depthwiseConv2d gradients {} throws error on dilations > 1': 'Dilated convolutions have gradients here.',
  'conv2dTranspose {} input=8x8x8,output=4x4x8,f=8,s=1,inDepth=8,p=same vec4':
    'The shapes do not fit together; tfjs does not check them.',
  'gather {} throws when index is out of bound':
    'Indices are known only when a program runs, which then fails with an error of the engine.',
  'nonMaxSuppression {} NonMaxSuppressionPadded select from three clusters with no padding when pad option is false.':
    'Shapes must not depend on data.',
  'pool {} max x=[2,2,3] f=[1,1] s=2 p=1 fractional outputs default rounding':
    'tfjs takes the image for the result where the shapes are equal, strided and padded though it is.',
  'pool {} avg x=[2,2,3] f=[1,1] s=2 p=1 fractional outputs default rounding':
    'tfjs takes the image for the result where the shapes are equal, strided and padded though it is.',
};

/** Those of the engine cpu alone. */
export const cpuExceptions: Readonly<Record<string, string>> = {
  'exp {} int32': 'The exponential of ten is off by one unit in the last place, 0.002.',
  'tan {} numbers exceed float32 precision': 'A tangent of 30,144 is off by one unit in the last place, 0.002.',
};
