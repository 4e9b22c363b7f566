import { appendFile, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Inverts one bit, at a share `where` in [0, 1) of the file's length. */
export async function flipBit(path: string, where: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const bits = Math.floor(where * size * 8);
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, bits >> 3);
    byte[0] = (byte[0] as number) ^ (1 << (bits & 7));
    await file.write(byte, 0, 1, bits >> 3);
  } finally {
    await file.close();
  }
}

export type CheckpointDamage = 'truncate' | 'flip' | 'remove' | 'add';

/** Damages the newest checkpoint below `root`; returns the file, or undefined where there is no checkpoint. */
export async function damageCheckpoint(
  root: string,
  how: CheckpointDamage,
  where: number,
): Promise<string | undefined> {
  const steps = (await readdir(root).catch(() => [])).filter((name) => name.startsWith('step-')).sort();
  const newest = steps.at(-1);
  if (newest === undefined) return undefined;
  const files = (await readdir(join(root, newest))).sort();
  const name = files[Math.floor(where * files.length)];
  if (name === undefined) return undefined;
  const path = join(root, newest, name);
  // Where within the file: what is left of the number that chose it.
  const place = (where * files.length) % 1;
  if (how === 'remove') await rm(path);
  else if (how === 'add') await writeFile(join(root, newest, `${name}.copy`), 'what is this?');
  else if (how === 'flip') await flipBit(path, place);
  else await truncate(path, Math.floor(place * (await stat(path)).size));
  return path;
}

/** Leaves the beginning of a line at the end of a journal, as a crash in the middle of an append does. */
export async function tearJournal(path: string, where: number): Promise<void> {
  const line = '{"seq":4711,"time":"2024-01-01T00:00:00.000Z","type":"job-started","job":"meta","attempt":99';
  await appendFile(path, line.slice(0, 1 + Math.floor(where * line.length)));
}
