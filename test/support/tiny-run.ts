import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { tinyRecipe } from '../../scripts/soak/recipe.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { createRun } from '../../src/coordinator/create-run.ts';
import { prepareRun } from '../../src/coordinator/prepare.ts';
import { loadRunRecord } from '../../src/coordinator/run-directory.ts';
import { programPath } from '../../src/executors/programs.ts';
import type { JobSpec } from '../../src/protocol/messages.ts';
import { RUN_FORMAT } from '../../src/protocol/run.ts';
import { jobDirectory } from '../../src/protocol/run-files.ts';

/** A folder with runs of the tiny recipe, which are over in seconds. */
export interface TinyRuns {
  readonly folder: string;
  readonly runDirectory: (run: string) => string;
  /** Arguments of `incubate` that begin a run. */
  readonly trainArguments: (run: string, ...more: string[]) => string[];
  readonly remove: () => Promise<void>;
}

export function tinyRuns(): TinyRuns {
  const folder = mkdtempSync(join(tmpdir(), 'incubate faults 🐣 '));
  const config = join(folder, 'tiny recipe.yaml');
  writeFileSync(config, tinyRecipe);
  return {
    folder,
    runDirectory: (run) => join(folder, 'runs', run),
    trainArguments: (run, ...more) => [
      'train',
      '--config',
      config,
      '--runs-dir',
      join(folder, 'runs'),
      '--run',
      run,
      ...more,
    ],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Creates a run of the tiny recipe that nobody has begun, with what its workers are told. */
export async function createTinyRun(runs: TinyRuns, name: string): Promise<string> {
  const { config } = await resolveConfig({ configFile: join(runs.folder, 'tiny recipe.yaml') });
  const runDirectory = await createRun(await prepareRun(config), name, join(runs.folder, 'runs'));
  const record = await loadRunRecord(runDirectory);
  for (const job of record.plan.jobs) {
    const spec: JobSpec = {
      format: RUN_FORMAT,
      runDirectory,
      job,
      modules: record.plan.modules,
      config: record.config,
      dataset: record.dataset,
      engine: record.plan.engine,
      devices: [''],
    };
    mkdirSync(jobDirectory(runDirectory, job.id), { recursive: true });
    writeFileSync(join(jobDirectory(runDirectory, job.id), 'spec.json'), JSON.stringify(spec));
  }
  return runDirectory;
}

/** Runs the real worker program of a job by hand, under another program where `under` names one. */
export async function runWorkerByHand(runDirectory: string, job: string, under: readonly string[] = []) {
  const specPath = join(jobDirectory(runDirectory, job), 'spec.json');
  const [program = '', ...args] = [...under, process.execPath, programPath('job'), specPath];
  const { exitCode, signal, stderr, stdout } = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    env: { UV_THREADPOOL_SIZE: '1' },
  });
  return { exitCode, signal, output: `${stdout}\n${stderr}` };
}
