import { join } from 'node:path';
import { execa } from 'execa';
import { runCommand } from '../../src/cli/main.ts';

const launcher = join(import.meta.dirname, '../../bin/incubate.js');

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

interface CliSurroundings {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/**
 * Runs the real command-line tool to its end, in an environment without the caller's INCUBATE_ variables and colours.
 */
export async function runCli(
  args: readonly string[],
  { env = {}, cwd = process.cwd() }: CliSurroundings = {},
): Promise<CliResult> {
  const { stdout, stderr, exitCode } = await execa(process.execPath, [launcher, ...args], {
    cwd,
    env: environmentWith(env),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { stdout, stderr, exitCode };
}

/**
 * As `runCli`, but within this process, as most of what a refusal or a look at a file takes is a process' start. One at a time,
 * and nothing that ends by a signal.
 */
export async function callCli(
  args: readonly string[],
  { env = {}, cwd = process.cwd() }: CliSurroundings = {},
): Promise<CliResult> {
  const before = { cwd: process.cwd(), env: process.env, exitCode: process.exitCode };
  const [stdout, stderr] = [captured(process.stdout), captured(process.stderr)];
  try {
    process.chdir(cwd);
    process.env = environmentWith(env);
    process.exitCode = undefined;
    await runCommand(args);
    return { stdout: stdout.text(), stderr: stderr.text(), exitCode: Number(process.exitCode ?? 0) };
  } finally {
    stdout.release();
    stderr.release();
    process.exitCode = before.exitCode;
    process.env = before.env;
    process.chdir(before.cwd);
  }
}

/** What is written to a stream until it is released, without the last line's end, as execa has it. */
function captured(stream: NodeJS.WriteStream) {
  const { write } = stream;
  let text = '';
  stream.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const written = typeof encoding === 'function' ? encoding : done;
    if (typeof written === 'function') process.nextTick(written);
    return true;
  };
  return {
    text: () => text.replace(/\n$/, ''),
    release: () => {
      stream.write = write;
    },
  };
}

function environmentWith(env: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(INCUBATE_|FORCE_COLOR$|NO_COLOR$)/.test(name));
  return { ...Object.fromEntries(inherited), ...env };
}
