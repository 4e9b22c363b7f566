import { nearest } from '../util/nearest.ts';
import type { Problem } from './problems.ts';
import { nearestSetting, sections, settings } from './settings.ts';

/** Where values come from, lowest precedence first. `--set` and the flags for single settings are one level. */
export const levels = ['recipe', 'file', 'environment', 'flag'] as const;

export type Level = (typeof levels)[number];

/** A setting that some source gives a value. */
export interface Assignment {
  readonly key: string;
  readonly value: unknown;
  /** As `incubate config` shows it: `recipe shapes`, `file run.yaml`, `INCUBATE_SEED`, `--seed`. */
  readonly origin: string;
  readonly level: Level;
}

export interface Assigned {
  readonly assignments: readonly Assignment[];
  readonly problems: readonly Problem[];
}

export function joinAssigned(parts: readonly Assigned[]): Assigned {
  return {
    assignments: parts.flatMap((part) => part.assignments),
    problems: parts.flatMap((part) => part.problems),
  };
}

/** Checks one value of a setting; `place` is the origin, with the line where there is one. */
export function assign(assignment: Assignment, place: string = assignment.origin): Assigned {
  const { key, value } = assignment;
  const setting = settings.get(key);
  if (!setting) return { assignments: [], problems: [unknownKey(key, place)] };
  if (setting.schema.safeParse(value).success && value !== undefined) {
    return { assignments: [assignment], problems: [] };
  }
  const message = `${key} is ${JSON.stringify(value)} (${place}): expected ${setting.expected}`;
  const choices = [...setting.expected.matchAll(/'([^']+)'/g)].map((match) => match[1] as string);
  const close = typeof value === 'string' ? nearest(value, choices) : undefined;
  const hint = close === undefined ? {} : { hint: `Did you mean '${close}'?` };
  return { assignments: [], problems: [{ code: 'CONFIG_VALUE', message, ...hint }] };
}

export function unknownKey(path: string, place: string): Problem {
  if (sections.has(path)) {
    const example = [...settings.keys()].find((key) => key.startsWith(`${path}.`));
    return {
      code: 'CONFIG_KEY',
      message: `'${path}' is a section, not a setting (${place})`,
      hint: `Set what it holds, such as ${example}.`,
    };
  }
  const close = nearestSetting(path);
  return {
    code: 'CONFIG_KEY',
    message: `unknown setting '${path}' (${place})`,
    hint: close === undefined ? '`incubate config` lists all settings.' : `Did you mean '${close}'?`,
  };
}
