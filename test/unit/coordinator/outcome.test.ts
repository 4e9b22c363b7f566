import { describe, expect, it } from 'vitest';
import { classifyEnd } from '../../../src/coordinator/outcome.ts';
import { type ErrorCode, IncubateError, serializeError } from '../../../src/util/errors.ts';

/** How a worker ends that reports an error. */
function endOf(error: Error) {
  const serialized = serializeError(error);
  return classifyEnd(
    'module-1',
    { status: serialized.exitCode, signal: null },
    { stopped: false, error: serialized, logTail: [] },
    false,
  );
}

describe('a worker that reports an error', () => {
  it.each<[ErrorCode, boolean]>([
    ['ENGINE_RUN', true],
    ['ENGINE_MEMORY', true],
    ['ENGINE_COMPILE', false],
    ['ENGINE_SHAPE', false],
    ['TRAINING_DIVERGED', false],
    ['DATA_IMAGE', false],
    ['ENVIRONMENT_WRITE', false],
    ['RETRY_STOPPED', true],
  ])('of %s is tried again: %s', (code, retryable) => {
    const error = new IncubateError(code, 'step failed', { hint: 'Do something.' });
    expect(endOf(error)).toMatchObject({ type: 'failed', retryable, error: { code, message: 'step failed' } });
  });

  it('that nobody foresaw is tried again', () => {
    expect(endOf(new Error('oops'))).toMatchObject({ type: 'failed', retryable: true, error: { code: 'UNEXPECTED' } });
  });
});
