import { IncubateError } from '../util/errors.ts';
import { type EngineName, engineNames } from './engines.ts';

/** Element types that training may keep activations in; parameters and optimiser state are always float32. */
export const precisions = ['float32', 'float16', 'bfloat16'] as const;

export const reducedPrecisions = ['float16', 'bfloat16'] as const satisfies Precision[];

export type Precision = (typeof precisions)[number];
export type ReducedPrecision = (typeof reducedPrecisions)[number];

/** What engines have beside float32. WebGPU's float16 depends on the adapter as well, which a probe finds out. */
const beside: { readonly [Name in EngineName]: readonly Precision[] } = {
  cpu: [],
  webgpu: ['float16'],
  cuda: ['float16', 'bfloat16'],
  tfjs: [],
  torch: ['bfloat16'],
};

const reasons: { readonly [Name in EngineName]: string } = {
  cpu: "ONNX Runtime's kernels for processors are of float32",
  webgpu: 'WebGPU has float32 and float16',
  cuda: 'it has float32, float16 and bfloat16',
  tfjs: 'TensorFlow.js has float32 alone',
  torch: "PyTorch's kernels for processors are of float32 and bfloat16",
};

export function hasPrecision(engine: EngineName, precision: Precision): boolean {
  return precision === 'float32' || beside[engine].includes(precision);
}

/** Throws CONFIG_PRECISION where an engine has no kernels of a precision on any machine. */
export function requirePrecision(engine: EngineName, precision: Precision = 'float32'): void {
  if (hasPrecision(engine, precision)) return;
  throw new IncubateError(
    'CONFIG_PRECISION',
    `the engine '${engine}' cannot train in ${precision} (training.precision): ${reasons[engine]}`,
    { hint: `Leave out training.precision, or choose ${enginesWith(precision)}.` },
  );
}

/** `--engine webgpu or --engine cuda` */
export function enginesWith(precision: Precision): string {
  const names = engineNames.filter((engine) => hasPrecision(engine, precision));
  return names.map((name) => `--engine ${name}`).join(' or ');
}
