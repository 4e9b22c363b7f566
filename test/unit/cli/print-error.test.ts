import { expect, it } from 'vitest';
import { formatError } from '../../../src/cli/print-error.ts';
import { paintFor } from '../../../src/report/style.ts';
import { IncubateError } from '../../../src/util/errors.ts';

const plain = paintFor(process.stderr, { NO_COLOR: '1' });
const coloured = paintFor(process.stderr, { FORCE_COLOR: '1' });

it('prints message, hint and code', () => {
  const error = new IncubateError('CONFIG_KEY', 'unknown setting', { hint: 'Look.' });
  expect(formatError(error, plain, false)).toBe('error: unknown setting\nhint: Look.\ncode: CONFIG_KEY\n');
});

it('leaves out a hint that there is not', () => {
  expect(formatError(new IncubateError('USAGE', 'wrong'), plain, false)).toBe('error: wrong\ncode: USAGE\n');
});

it('prints an unexpected error as one line and says how to get the stack', () => {
  const text = formatError(new TypeError('x is undefined\nat some place'), plain, false);
  expect(text).toBe('error: unexpected: x is undefined\nhint: Set INCUBATE_DEBUG=1 to see where this came from.\n');
});

it('prints the stack where it is asked for', () => {
  expect(formatError(new TypeError('x'), plain, true)).toContain('print-error.test.ts');
  expect(formatError(new IncubateError('USAGE', 'x'), plain, true)).toContain('print-error.test.ts');
});

it('survives what is no error', () => {
  expect(formatError('text', plain, true)).toBe('error: unexpected: text\n');
});

it('colours the labels', () => {
  expect(formatError(new IncubateError('USAGE', 'wrong'), coloured, false)).toContain(
    '\u001b[31merror:\u001b[39m wrong',
  );
});
