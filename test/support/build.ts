import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const root = join(import.meta.dirname, '../..');
const stamp = join(root, 'dist/.built');

/** Vitest's global setup: end-to-end tests run the compiled program, so it is built where a source is newer than it. */
export async function setup(): Promise<void> {
  const built = await modifiedAt(stamp);
  if (built !== undefined && (await newestSource()) < built) return;
  const { exitCode, stdout } = await execa('npm', ['run', '--silent', 'build'], { cwd: root, reject: false });
  if (exitCode !== 0) throw new Error(`npm run build failed:\n${stdout}`);
}

async function newestSource(): Promise<number> {
  const directories = await Promise.all(
    ['src', 'workers', 'scripts'].map(async (name) => {
      const entries = await readdir(join(root, name), { recursive: true });
      return entries.filter((entry) => entry.endsWith('.ts')).map((entry) => join(root, name, entry));
    }),
  );
  const files = [
    ...directories.flat(),
    ...['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => join(root, name)),
  ];
  return Math.max(...(await Promise.all(files.map(async (file) => (await modifiedAt(file)) ?? 0))));
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => found.mtimeMs,
    () => undefined,
  );
}
