import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IncubateError } from '../../util/errors.ts';

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
  const folder = addonFolder();
  const names = (await readdir(folder)).filter((name) => /\.(cc|h|cjs)$/.test(name)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0`).update(await readFile(join(folder, name)));
  return { folder, units: names.filter((name) => name.endsWith('.cc')), hash: hash.digest('hex').slice(0, 16) };
}

/** In a folder above this file: that of the checkout, or of the package. */
function addonFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'native/torch');
    if (existsSync(join(candidate, 'addon.cc'))) return candidate;
  }
  throw new IncubateError('ENVIRONMENT_INSTALL', `the sources of the engine torch are missing above ${here}`, {
    hint: 'Install incubate again.',
  });
}
