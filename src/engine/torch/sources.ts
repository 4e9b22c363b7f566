import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../../util/package.ts';

/** What the addon is built from. */
export interface AddonSources {
  readonly folder: string;
  /** Names of the translation units. */
  readonly units: readonly string[];
  /** Of the contents of all files. */
  readonly hash: string;
}

/** Reads the addon's sources, which the package brings. @throws ENVIRONMENT_INSTALL where they are missing. */
export async function addonSources(): Promise<AddonSources> {
  const folder = packagePath('native/torch');
  const names = (await readdir(folder)).filter((name) => /\.(cc|h|cjs)$/.test(name)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0`).update(await readFile(join(folder, name)));
  return { folder, units: names.filter((name) => name.endsWith('.cc')), hash: hash.digest('hex').slice(0, 16) };
}
