import { IncubateError, messageOf } from '../util/errors.ts';
import type { Program } from './program.ts';

/** How ONNX Runtime, its devices, JavaScript and TensorFlow say that there is no memory left. */
const noMemory =
  /failed to allocate|out of memory|bad_alloc|allocation failed|available memory of|invalid typed array length|\bOOM\b/i;

/** The error for a program that an engine refuses. */
export function compileFailure({ name }: Program, error: unknown): IncubateError {
  if (noMemory.test(messageOf(error))) return outOfMemory(`${name} cannot be compiled`, error);
  return new IncubateError('ENGINE_COMPILE', `${name} cannot be compiled: ${reasonOf(error)}`, {
    cause: error,
    hint: 'Try another --engine, and please report it with the output of `incubate doctor`.',
  });
}

/** The error for a run that failed within an engine; errors of ours say it all. */
export function runFailure({ name }: Program, error: unknown): IncubateError {
  if (error instanceof IncubateError) return error;
  if (noMemory.test(messageOf(error))) return outOfMemory(`${name} cannot go on`, error);
  return new IncubateError('ENGINE_RUN', `${name} failed while it ran: ${reasonOf(error)}`, {
    cause: error,
    hint: 'If it fails again, try another --engine, and please report it with the output of `incubate doctor`.',
  });
}

/** The error for a run after which this process can do nothing more on its device. */
export function deviceFailure({ name }: Program, error: unknown): IncubateError {
  return new IncubateError('ENGINE_RUN', `${name} failed, and the GPU with it: ${reasonOf(error)}`, {
    cause: error,
    hint: 'This process must end, since whatever it asks of the GPU now fails; a new one may work. See `dmesg` for errors of the driver, and with CUDA_LAUNCH_BLOCKING=1 the message names the operation that failed.',
  });
}

/** The error for what is used after its end, for example `the state given to train(meta)`. */
export function disposed(what: string): IncubateError {
  return new IncubateError('ENGINE_DISPOSED', `${what} was disposed before`);
}

function outOfMemory(what: string, cause: unknown): IncubateError {
  return new IncubateError('ENGINE_MEMORY', `${what} for want of memory: ${reasonOf(cause)}`, {
    cause,
    hint: 'Raise training.accumulate, set training.recompute, or lower devices.slots: `incubate plan` tells what a job takes.',
  });
}

/** A message without the places in the sources of ONNX Runtime and the names of its functions. */
function reasonOf(error: unknown): string {
  const [line = ''] = messageOf(error).trim().split('\n');
  return line.replace("Name:'' ", '').replace(/\/\S+\.(?:cc|cu|h):\d+ .*?\) (?=\S)/, '');
}
