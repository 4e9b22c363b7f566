import { open } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

const tailBytes = 8_192;

/** The last non-empty lines of a worker's log; none where it cannot be read. */
export async function logTail(path: string, from: number, lines = 20): Promise<string[]> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const start = Math.max(from, size - tailBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, undefined, start);
      const text = stripVTControlCharacters(buffer.toString('utf8', 0, bytesRead));
      return text
        .split('\n')
        .map((line) => line.trimEnd().slice(0, 500))
        .filter((line) => line !== '')
        .slice(-lines);
    } finally {
      await file.close();
    }
  } catch {
    return [];
  }
}
