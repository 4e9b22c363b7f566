import { nearest } from '../util/nearest.ts';
import { type Assigned, assign, joinAssigned } from './assignment.ts';
import { settings } from './settings.ts';
import { readText } from './text-value.ts';

/** Variables of ours that are no settings. */
export const reservedVariables = ['INCUBATE_RUNS_DIR', 'INCUBATE_DEBUG', 'INCUBATE_CACHE_DIR'] as const;

/** The variable that gives a setting a value: `training.batchSize` → `INCUBATE_TRAINING__BATCH_SIZE`. */
export function variableOf(key: string): string {
  const words = key
    .replace('MiB', 'Mib')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '__');
  return `INCUBATE_${words.toUpperCase()}`;
}

/** Assignments of the `INCUBATE_*` variables; empty ones count as unset, unknown ones are problems. */
export function assignEnvironment(environment: NodeJS.ProcessEnv): Assigned {
  const names = Object.keys(environment).filter((name) => /^INCUBATE_/i.test(name));
  return joinAssigned(names.map((name) => assignVariable(name, environment[name] ?? '')));
}

function assignVariable(name: string, text: string): Assigned {
  if (text === '' || (reservedVariables as readonly string[]).includes(name.toUpperCase())) {
    return { assignments: [], problems: [] };
  }
  const setting = settings.get(keysByVariable.get(withoutWordBreaks(name)) ?? '');
  if (!setting) {
    const close = nearest(name, [...reservedVariables, ...[...settings.keys()].map(variableOf)]);
    const hint = close === undefined ? 'Unset it; `incubate config` lists all settings.' : `Did you mean ${close}?`;
    return {
      assignments: [],
      problems: [{ code: 'CONFIG_KEY', message: `the environment variable ${name} names no setting`, hint }],
    };
  }
  return assign({ key: setting.key, value: readText(setting, text), origin: name, level: 'environment' });
}

/** Single underscores and case do not matter: BATCH_SIZE, BATCHSIZE and batchSize are one. */
function withoutWordBreaks(name: string): string {
  return name
    .slice('INCUBATE_'.length)
    .split('__')
    .map((part) => part.replaceAll('_', '').toLowerCase())
    .join('.');
}

const keysByVariable = new Map([...settings.keys()].map((key) => [key.toLowerCase(), key]));
