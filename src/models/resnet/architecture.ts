import type { Architecture, PartSpec } from '../architecture.ts';
import { batchNorm, convolution, linear } from '../layers.ts';
import { EXPANSION, isTransition, type ResidualBlock, type ResnetShape, strided } from './shape.ts';

/** A residual network with torchvision's names and layouts, and its initial values. */
export function resnetArchitecture(shape: ResnetShape): Architecture<ResnetShape> {
  return {
    family: 'resnet',
    shape,
    branches: 1,
    stem: stem(shape),
    blocks: shape.blocks.map((residual) => block(shape, residual)),
    head: head(shape),
  };
}

function stem(shape: ResnetShape): PartSpec {
  const { channels, width, imageSize } = shape;
  const [size, side] = shape.stem === 'cifar' ? [3, imageSize] : [7, strided(imageSize, 2)];
  const layer = convolved('', '1', channels, width, size, side, imageSize);
  return { name: 'stem', role: 'stem', ...layer };
}

function block({ bottleneck, innerWidth }: ResnetShape, residual: ResidualBlock): PartSpec {
  const { name, inputs, outputs, stride, side } = residual;
  const prefix = `${name}.`;
  const after = strided(side, stride);
  const inner = Math.max(1, Math.round((bottleneck ? outputs / EXPANSION : outputs) * innerWidth));
  const layers = bottleneck
    ? [
        convolved(prefix, '1', inputs, inner, 1, side),
        convolved(prefix, '2', inner, inner, 3, after, side),
        convolved(prefix, '3', inner, outputs, 1, after),
      ]
    : [convolved(prefix, '1', inputs, inner, 3, after, side), convolved(prefix, '2', inner, outputs, 3, after)];
  if (isTransition(residual)) {
    const projection = convolution(`${prefix}downsample.0`, inputs, outputs, 1);
    layers.push({
      parameters: [projection, ...batchNorm(`${prefix}downsample.1`, outputs)],
      macs: inputs * outputs * after ** 2,
      activations: outputs * after ** 2,
    });
  }
  return {
    name,
    role: 'block',
    parameters: layers.flatMap(({ parameters }) => parameters),
    macs: layers.reduce((sum, { macs }) => sum + macs, 0),
    activations: layers.reduce((sum, { activations }) => sum + activations, 0),
  };
}

function head({ blocks, width, classes }: ResnetShape): PartSpec {
  const features = blocks.at(-1)?.outputs ?? width;
  return {
    name: 'head',
    role: 'head',
    parameters: linear('fc', features, classes),
    macs: features * classes,
    activations: features,
  };
}

type Layer = Pick<PartSpec, 'parameters' | 'macs' | 'activations'>;

/** A convolution and its batch normalisation, of one number; `side` is that of the result, `from` that of what it takes. */
function convolved(
  prefix: string,
  number: string,
  inputs: number,
  outputs: number,
  size: number,
  side: number,
  from = side,
): Layer {
  return {
    parameters: [
      convolution(`${prefix}conv${number}`, inputs, outputs, size),
      ...batchNorm(`${prefix}bn${number}`, outputs),
    ],
    macs: inputs * outputs * size ** 2 * side ** 2,
    activations: inputs * from ** 2 + outputs * side ** 2,
  };
}
