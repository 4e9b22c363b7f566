import { hasErrno, IncubateError, messageOf } from '../../util/errors.ts';

/** The error of a file that is not what its name or place promises. */
export function fileError(path: string, reason: string, cause?: unknown): IncubateError {
  return new IncubateError('DATA_FILE', `the data file ${JSON.stringify(path)} cannot be used: ${reason}`, {
    hint: 'Compare its size or checksum with the published ones, and fetch it again where they differ.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What an attempt to open or read a file is reported with: the error itself where it is known, DATA_FILE otherwise. */
export function readError(path: string, error: unknown): IncubateError {
  if (error instanceof IncubateError) return error;
  if (hasErrno(error, 'ENOENT')) return fileError(path, 'it does not exist', error);
  if (error instanceof Error && 'code' in error && /^Z_/.test(String(error.code))) {
    return fileError(path, `it does not decompress: ${messageOf(error)}`, error);
  }
  return fileError(path, messageOf(error), error);
}
