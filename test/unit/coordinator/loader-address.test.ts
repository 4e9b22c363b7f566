import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { loaderRemains } from '../../../scripts/soak/remains.ts';
import { makeLoaderAddress, removeLoaderRemains } from '../../../src/coordinator/loader-address.ts';
import { MEMORY } from '../../../src/loader/shared-file.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const usual = process.env.TMPDIR;
afterEach(() => {
  if (usual === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = usual;
});

it('is in a directory that nobody else can look into, and a socket can be there', async () => {
  const run = join(temporaryDirectory(), 'run');
  const { address, directory, remove } = await makeLoaderAddress(run);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(address, resolve));
  server.close();
  await remove();
  expect(existsSync(directory)).toBe(false);
  expect(loaderRemains(run)).toEqual([]);
});

it('removes what earlier sessions of the run have left, and nothing of other runs', async () => {
  const folder = temporaryDirectory();
  const [run, other] = [join(folder, 'run'), join(folder, 'other')];
  const [left, foreign] = [await makeLoaderAddress(run), await makeLoaderAddress(other)];
  writeFileSync(join(left.directory, 'loader'), '');
  const prefix = left.directory.split('/').at(-1) as string;
  if (existsSync(MEMORY)) writeFileSync(join(MEMORY, `${prefix}-1`), 'images');
  expect(loaderRemains(run)).toHaveLength(existsSync(MEMORY) ? 2 : 1);
  await removeLoaderRemains(run);
  expect(loaderRemains(run)).toEqual([]);
  const next = await makeLoaderAddress(run);
  expect(loaderRemains(run)).toEqual([next.directory.split('/').at(-1)]);
  expect(readdirSync(foreign.directory)).toEqual([]);
  await Promise.all([next.remove(), foreign.remove()]);
});

it('is elsewhere where the path of temporary files is too long for a socket', async () => {
  const long = join(temporaryDirectory(), 'x'.repeat(100));
  mkdirSync(long);
  process.env.TMPDIR = long;
  const { address, remove } = await makeLoaderAddress(join(long, 'run'));
  expect(Buffer.byteLength(address)).toBeLessThanOrEqual(100);
  await remove();
});
