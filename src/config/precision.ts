import { IncubateError } from '../util/errors.ts';
import { type EngineName, engineNames } from './engines.ts';

/**
 * What matrix products and activations may be computed in; parameters and optimiser state are always float32. In `tf32`
 * all tensors are float32, and products round their operands to 10 bits of mantissa on GPUs that are faster so.
 */
export const precisions = ['fp32', 'tf32', 'bf16', 'fp16'] as const;

export type Precision = (typeof precisions)[number];

/** Precisions beside the one that every engine has. */
export const otherPrecisions = ['tf32', 'bf16', 'fp16'] as const satisfies Precision[];

export type OtherPrecision = (typeof otherPrecisions)[number];

/** What engines have beside fp32. Some of it depends on the device as well, which a probe finds out. */
const beside: { readonly [Name in EngineName]: readonly OtherPrecision[] } = {
  cpu: [],
  webgpu: ['fp16'],
  cuda: ['tf32', 'bf16', 'fp16'],
  tfjs: [],
  torch: ['tf32', 'bf16', 'fp16'],
};

const reasons: { readonly [Name in EngineName]: string } = {
  cpu: "ONNX Runtime's kernels for processors are of fp32",
  webgpu: 'WebGPU has fp32 and fp16',
  cuda: 'it has all of them',
  tfjs: 'TensorFlow.js has fp32 alone',
  torch: 'it has all of them',
};

export function hasPrecision(engine: EngineName, precision: Precision): boolean {
  return precision === 'fp32' || beside[engine].includes(precision);
}

/** Throws CONFIG_PRECISION where an engine has no kernels of a precision on any machine. */
export function requirePrecision(engine: EngineName, precision: Precision = 'fp32'): void {
  if (hasPrecision(engine, precision)) return;
  throw new IncubateError(
    'CONFIG_PRECISION',
    `the engine '${engine}' cannot train in ${precision} (training.precision): ${reasons[engine]}`,
    { hint: `Leave out --precision, or choose ${enginesWith(precision)}.` },
  );
}

/** `--engine webgpu or --engine cuda` */
export function enginesWith(precision: Precision): string {
  const names = engineNames.filter((engine) => hasPrecision(engine, precision));
  return names.map((name) => `--engine ${name}`).join(' or ');
}
