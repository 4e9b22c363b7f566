import { resolve } from 'node:path';
import { RUN_FORMAT, type RunRecord } from '../protocol/run.ts';
import { packageVersion } from '../util/package.ts';
import type { PreparedRun } from './prepare.ts';
import { createRunDirectory } from './run-directory.ts';
import { checkRunName } from './run-name.ts';

/**
 * Creates the directory of a prepared run and returns its absolute path.
 *
 * Throws USAGE_RUN_NAME, USAGE_RUN_EXISTS or ENVIRONMENT_WRITE; nothing is left behind then.
 */
export async function createRun(prepared: PreparedRun, name: string, runsDirectory: string): Promise<string> {
  const runDirectory = resolve(runsDirectory, checkRunName(name));
  const record: RunRecord = {
    format: RUN_FORMAT,
    name,
    created: new Date().toISOString(),
    versions: { incubate: packageVersion(), node: process.versions.node },
    config: prepared.config,
    plan: prepared.plan,
    dataset: prepared.dataset,
  };
  await createRunDirectory(runDirectory, record, prepared.tokenizer);
  return runDirectory;
}
