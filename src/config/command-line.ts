import { type Assigned, assign, joinAssigned, unknownKey } from './assignment.ts';
import { configFlags } from './flags.ts';
import { settings } from './settings.ts';
import { readText } from './text-value.ts';

/** Assignments of the flags for single settings, by the name of the option. */
export function assignFlags(flags: Readonly<Record<string, string | undefined>>): Assigned {
  return joinAssigned(
    configFlags.map(({ name, flag, key }) => {
      const text = flags[name];
      return text === undefined ? { assignments: [], problems: [] } : assignText(key, text, flag);
    }),
  );
}

/** Assignments of `--set key=value`; of several for one key the last counts. */
export function assignSets(sets: readonly string[]): Assigned {
  return joinAssigned(
    sets.map((set): Assigned => {
      const equals = set.indexOf('=');
      if (equals > 0) return assignText(set.slice(0, equals).trim(), set.slice(equals + 1), '--set');
      const problem = {
        code: 'USAGE_SET',
        message: `--set takes key=value, not '${set}'`,
        hint: 'For example --set training.batchSize=64.',
      } as const;
      return { assignments: [], problems: [problem] };
    }),
  );
}

function assignText(key: string, text: string, origin: string): Assigned {
  const setting = settings.get(key);
  if (!setting) return { assignments: [], problems: [unknownKey(key, origin)] };
  return assign({ key, value: readText(setting, text), origin, level: 'flag' });
}
