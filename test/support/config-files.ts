import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Writes a configuration file into a new directory, whose name has a space, and returns its path. */
export async function configFile(content: string, name = 'my run.yaml'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'incubate config '));
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}
