import type { ParameterSpec } from './architecture.ts';

/** Parameters of layers as PyTorch names, lays out and initialises them. */

/** A convolution without a bias: Kaiming normal by fan-out (He et al., ICCV 2015), as torchvision. */
export function convolution(name: string, inputs: number, outputs: number, size: number): ParameterSpec {
  const deviation = Math.sqrt(2 / (outputs * size * size));
  return {
    name: `${name}.weight`,
    shape: [outputs, inputs, size, size],
    init: { kind: 'normal', deviation },
    decay: true,
  };
}

export function biasedConvolution(name: string, inputs: number, outputs: number, size: number): ParameterSpec[] {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs * size * size) } as const;
  return [convolution(name, inputs, outputs, size), { name: `${name}.bias`, shape: [outputs], init, decay: false }];
}

export function linear(name: string, inputs: number, outputs: number, bias = true): ParameterSpec[] {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } as const;
  const weight: ParameterSpec = { name: `${name}.weight`, shape: [outputs, inputs], init, decay: true };
  return bias ? [weight, { name: `${name}.bias`, shape: [outputs], init, decay: false }] : [weight];
}

export function layerNorm(name: string, width: number): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [width], init: { kind: 'ones' }, decay: false },
    { name: `${name}.bias`, shape: [width], init: { kind: 'zeros' }, decay: false },
  ];
}

export function batchNorm(name: string, channels: number): ParameterSpec[] {
  const vector = { shape: [channels], decay: false };
  return [
    { name: `${name}.weight`, init: { kind: 'ones' }, ...vector },
    { name: `${name}.bias`, init: { kind: 'zeros' }, ...vector },
    { name: `${name}.running_mean`, init: { kind: 'zeros' }, ...vector, statistic: true },
    { name: `${name}.running_var`, init: { kind: 'ones' }, ...vector, statistic: true },
  ];
}
