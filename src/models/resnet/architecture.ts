import type { Architecture, ParameterSpec, PartSpec } from '../architecture.ts';
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
  const layer = convolved('', '1', channels, width, size, side);
  return { name: 'stem', role: 'stem', ...layer };
}

function block({ bottleneck }: ResnetShape, residual: ResidualBlock): PartSpec {
  const { name, inputs, outputs, stride, side } = residual;
  const prefix = `${name}.`;
  const after = strided(side, stride);
  const inner = outputs / EXPANSION;
  const layers = bottleneck
    ? [
        convolved(prefix, '1', inputs, inner, 1, side),
        convolved(prefix, '2', inner, inner, 3, after),
        convolved(prefix, '3', inner, outputs, 1, after),
      ]
    : [convolved(prefix, '1', inputs, outputs, 3, after), convolved(prefix, '2', outputs, outputs, 3, after)];
  if (isTransition(residual)) {
    const projection = convolution(`${prefix}downsample.0`, inputs, outputs, 1);
    layers.push({
      parameters: [projection, ...batchNorm(`${prefix}downsample.1`, outputs)],
      macs: inputs * outputs * after ** 2,
    });
  }
  return {
    name,
    role: 'block',
    parameters: layers.flatMap(({ parameters }) => parameters),
    macs: layers.reduce((sum, { macs }) => sum + macs, 0),
  };
}

function head({ blocks, width, classes }: ResnetShape): PartSpec {
  const features = blocks.at(-1)?.outputs ?? width;
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(features) } as const;
  return {
    name: 'head',
    role: 'head',
    parameters: [
      { name: 'fc.weight', shape: [classes, features], init, decay: true },
      { name: 'fc.bias', shape: [classes], init, decay: false },
    ],
    macs: features * classes,
  };
}

type Layer = Pick<PartSpec, 'parameters' | 'macs'>;

/** A convolution and its batch normalisation, of one number; `side` is that of the result. */
function convolved(prefix: string, number: string, inputs: number, outputs: number, size: number, side: number): Layer {
  return {
    parameters: [
      convolution(`${prefix}conv${number}`, inputs, outputs, size),
      ...batchNorm(`${prefix}bn${number}`, outputs),
    ],
    macs: inputs * outputs * size ** 2 * side ** 2,
  };
}

/** Kaiming normal by fan-out (He et al., ICCV 2015), as torchvision. */
function convolution(name: string, inputs: number, outputs: number, size: number): ParameterSpec {
  const deviation = Math.sqrt(2 / (outputs * size * size));
  return {
    name: `${name}.weight`,
    shape: [outputs, inputs, size, size],
    init: { kind: 'normal', deviation },
    decay: true,
  };
}

function batchNorm(name: string, channels: number): ParameterSpec[] {
  const vector = { shape: [channels], decay: false };
  return [
    { name: `${name}.weight`, init: { kind: 'ones' }, ...vector },
    { name: `${name}.bias`, init: { kind: 'zeros' }, ...vector },
    { name: `${name}.running_mean`, init: { kind: 'zeros' }, ...vector, statistic: true },
    { name: `${name}.running_var`, init: { kind: 'ones' }, ...vector, statistic: true },
  ];
}
