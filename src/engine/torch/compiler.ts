import { execa } from 'execa';
import { IncubateError } from '../../util/errors.ts';

/** A C++ compiler that was seen to work. */
export interface Compiler {
  readonly command: string;
  /** The first line of what it says about itself. */
  readonly version: string;
}

const install = 'Run `apt-get install g++` on Debian, or set CXX to a compiler of C++17.';

/** The compiler that CXX names, else g++, else c++, else clang++. @throws ENVIRONMENT_BUILD where there is none. */
export async function findCompiler(environment: NodeJS.ProcessEnv = process.env): Promise<Compiler> {
  const named = environment.CXX;
  for (const command of named ? [named] : ['g++', 'c++', 'clang++']) {
    const { exitCode, stdout } = await execa(command, ['--version'], {
      env: environment,
      extendEnv: false,
      reject: false,
    });
    if (exitCode === 0) return { command, version: String(stdout).split('\n')[0] ?? '' };
  }
  const what = named
    ? `CXX is ${named}, which cannot be run`
    : 'there is no C++ compiler: no g++, c++ or clang++ on PATH';
  throw new IncubateError('ENVIRONMENT_BUILD', what, { hint: install });
}

/** Runs the compiler. @throws ENGINE_BUILD with the first error that it names. */
export async function compile(
  { command }: Compiler,
  args: readonly string[],
  what: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const result = await execa(command, args, { env: environment, extendEnv: false, reject: false, all: true });
  if (result.exitCode === 0) return;
  if (process.env.INCUBATE_DEBUG === '1') process.stderr.write(`${result.all}\n`);
  const lines = String(result.all ?? '').split('\n');
  const first = lines.find((line) => /\berror\b|undefined reference|cannot find|fatal/i.test(line));
  const killed = result.isTerminated ? `it was ended by ${result.signal}` : undefined;
  const reason = first?.trim() ?? killed ?? result.shortMessage ?? `status ${result.exitCode}`;
  throw new IncubateError('ENGINE_BUILD', `${command} cannot ${what}: ${reason}`, {
    hint: `${install} INCUBATE_DEBUG=1 shows all that the compiler wrote.`,
    cause: result.all,
  });
}
