import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IncubateError } from './errors.ts';

/**
 * Path of a file or folder that the package brings, given from its root.
 *
 * @throws ENVIRONMENT_INSTALL where it is missing
 */
export function packagePath(path: string): string {
  const found = join(packageRoot(), path);
  if (existsSync(found)) return found;
  throw new IncubateError('ENVIRONMENT_INSTALL', `${found} is missing`, {
    hint: 'Install incubate again, or run `npm run build` in a checkout.',
  });
}

/** The version of this package. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return (manifest as { version?: string }).version ?? 'unknown';
}

/** The nearest folder above this file with a package.json: sources, compiled files and programs lie at different depths. */
function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  let directory = here;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) {
      throw new IncubateError('ENVIRONMENT_INSTALL', `there is no package.json above ${here}`, {
        hint: 'Install incubate again.',
      });
    }
    directory = parent;
  }
  return directory;
}
