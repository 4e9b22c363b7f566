import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

/** What loaders of a run have left in the places of temporary files and shared memory. */
export function loaderRemains(run: string): string[] {
  const prefix = `incubate-${createHash('sha256').update(resolve(run)).digest('hex').slice(0, 12)}`;
  return [tmpdir(), '/dev/shm']
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).filter((name) => name.startsWith(prefix)));
}
