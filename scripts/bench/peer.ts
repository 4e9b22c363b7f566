import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** What a peer answers to a request for steps. */
export interface Steps {
  readonly losses: readonly number[];
  readonly seconds: readonly number[];
  /** Largest resident set of its process so far. */
  readonly peakBytes: number;
}

/** A process that trains on request, and waits without using the processor in between. */
export interface Peer {
  readonly compileSeconds: number;
  run(steps: number): Promise<Steps>;
  end(): Promise<void>;
}

/** Starts a program that takes the path of its task and speaks a line of JSON per line of standard input. */
export async function startPeer(command: string, args: readonly string[], threads: number): Promise<Peer> {
  const child = execa(command, args, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    buffer: false,
    reject: false,
    env: { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <Reply>(): Promise<Reply> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ended without an answer`);
    return JSON.parse(value as string) as Reply;
  };
  const { compileSeconds } = await answer<{ compileSeconds: number }>();
  return {
    compileSeconds,
    run(steps) {
      child.stdin.write(`${steps}\n`);
      return answer<Steps>();
    },
    async end() {
      child.stdin.end();
      await child;
    },
  };
}
