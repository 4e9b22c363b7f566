import type { Argument, Option } from 'commander';
import { listRuns, loadRunRecord } from '../coordinator/run-directory.ts';
import { resolveRun } from '../coordinator/run-name.ts';

export interface Candidate {
  readonly word: string;
  readonly meaning?: string;
}

/** What a word may become: one of these, or the name of a file or directory, which the shell knows best. */
export interface Candidates {
  readonly kind: 'words' | 'files' | 'directories';
  readonly values: readonly Candidate[];
}

export function words(values: readonly Candidate[]): Candidates {
  return { kind: 'words', values };
}

const dataSources: Candidates = { kind: 'files', values: [{ word: 'shapes' }] };

/** What an option may be given: its choices, those of the setting that it stands for, or what its placeholder says. */
export async function optionValues({ argChoices, flags, long }: Option, current: string): Promise<Candidates> {
  if (argChoices) return words(argChoices.map((word) => ({ word })));
  if (long === '--set' || long === '--vary') return words(await assignments(current));
  if (long === '--recipe') {
    const { recipeNames } = await import('../config/recipes.ts');
    return words(recipeNames().map((word) => ({ word })));
  }
  const { configFlags } = await import('../config/flags.ts');
  const flag = configFlags.find((known) => known.flag === long);
  if (flag?.key === 'data.source') return dataSources;
  if (flag?.key === 'model.name') {
    const { modelNames } = await import('../models/registry.ts');
    return words(modelNames().map((word) => ({ word })));
  }
  if (flag) {
    const { settingChoices } = await import('../config/settings.ts');
    return words(settingChoices(flag.key).map((word) => ({ word })));
  }
  if (/<dir(ectory)?>/.test(flags)) return { kind: 'directories', values: [] };
  return /<file>/.test(flags) ? { kind: 'files', values: [] } : words([]);
}

/** Every setting, or the values of the one that is named already. */
async function assignments(current: string): Promise<Candidate[]> {
  const { settingChoices, settings } = await import('../config/settings.ts');
  const at = current.indexOf('=');
  if (at < 0) {
    return [...settings.values()].map(({ key, description }) => ({ word: `${key}=`, meaning: description }));
  }
  return settingChoices(current.slice(0, at)).map((value) => ({ word: `${current.slice(0, at)}=${value}` }));
}

export interface LineContext {
  readonly operands: readonly string[];
  readonly runsDirectory: string;
}

/** What an argument may be: its choices, or what its name says. */
export async function argumentValues(argument: Argument, context: LineContext): Promise<Candidates> {
  const { operands, runsDirectory } = context;
  if (argument.argChoices) return words(argument.argChoices.map((word) => ({ word })));
  const name = argument.name();
  if (name === 'source') return dataSources;
  if (/^runs?\b/.test(name)) {
    const runs = (await listRuns(runsDirectory)).filter((run) => !operands.includes(run));
    return { kind: name.includes('|') ? 'files' : 'words', values: runs.map((word) => ({ word })) };
  }
  if (name !== 'job' || operands[0] === undefined) return words([]);
  const { plan } = await loadRunRecord(resolveRun(operands[0], runsDirectory));
  return words(plan.jobs.map(({ id }) => ({ word: id })));
}
