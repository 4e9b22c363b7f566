import { join } from 'node:path';
import { execa } from 'execa';

const launcher = join(import.meta.dirname, '../../bin/incubate.js');

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

/**
 * Runs the real command-line tool to its end, in an environment without the caller's INCUBATE_ variables and colours.
 */
export async function runCli(
  args: readonly string[],
  { env = {}, cwd = process.cwd() }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<CliResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(INCUBATE_|FORCE_COLOR$|NO_COLOR$)/.test(name));
  const { stdout, stderr, exitCode } = await execa(process.execPath, [launcher, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { stdout, stderr, exitCode };
}
