import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hasErrno, IncubateError, messageOf } from './errors.ts';

/** What can be written to a file: text, bytes, or pieces of bytes that need not be joined in memory. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Replaces a file's content so that a crash or power loss at any moment leaves the old content or the new, never a mix:
 * temporary file beside it → fsync → rename → fsync of the directory. One process at a time may write to a path: temporary
 * files that a crash left of it are cleared away.
 *
 * Throws ENVIRONMENT_WRITE naming the path and the cause; the old content is then intact.
 */
export async function writeFileAtomic(path: string, data: FileContent | AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await clearTemporaries(path);
    const file = await open(temporary, 'wx');
    try {
      await writeFile(file, data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw writeError(path, error);
  }
}

async function clearTemporaries(path: string): Promise<void> {
  const [directory, name] = [dirname(path), basename(path)];
  const entries = await readdir(directory);
  const left = entries.filter((entry) => entry.startsWith(`${name}.`) && entry.endsWith('.tmp'));
  for (const entry of left) await rm(join(directory, entry), { force: true });
}

/** Makes creations and renames inside a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories; its file systems journal renames themselves.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    // Some network file systems refuse fsync on directories.
    if (!hasErrno(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    await directory.close();
  }
}

/** The error that a failed write is reported with: ENVIRONMENT_WRITE, and a hint where the cause suggests one. */
export function writeError(path: string, cause: unknown): IncubateError {
  if (cause instanceof IncubateError) return cause;
  const hint = hasErrno(cause, 'ENOSPC', 'EDQUOT')
    ? 'Free some disk space, then resume the run.'
    : hasErrno(cause, 'EACCES', 'EPERM', 'EROFS')
      ? 'Check that the directory is writable.'
      : undefined;
  return new IncubateError('ENVIRONMENT_WRITE', `cannot write ${path}: ${messageOf(cause)}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
