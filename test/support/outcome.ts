import { IncubateError } from '../../src/util/errors.ts';

/** What came of reading something: its value, or the code of an IncubateError. Any other error passes. */
export async function outcomeOf<T>(
  read: () => T | Promise<T>,
): Promise<{ readonly value: T } | { readonly code: string }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (error instanceof IncubateError) return { code: error.code };
    throw error;
  }
}
