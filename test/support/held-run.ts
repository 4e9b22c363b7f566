import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const program = fileURLToPath(new URL('../fixtures/lock.mjs', import.meta.url));

/** Holds a run's lock in another process until `release` is called; `--die` ends that process by SIGKILL then. */
export async function holdRun(runDirectory: string, ...options: '--die'[]) {
  const holder = execa('node', [program, runDirectory, ...options], { reject: false });
  await once(holder.stdout, 'data');
  return {
    pid: holder.pid as number,
    async release(): Promise<void> {
      holder.stdin.end();
      await holder;
    },
  };
}
