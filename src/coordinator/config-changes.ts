import type { RunConfig } from '../config/schema.ts';
import { settings } from '../config/settings.ts';
import type { ConfigChange } from '../protocol/messages.ts';
import { type ErrorCode, IncubateError } from '../util/errors.ts';

/** Settings that say how a run is carried out and not what comes out of it. */
const safeSettings: readonly RegExp[] = [
  /^execution\./,
  /^checkpoint\./,
  /^devices\.(?:gpus|jobsPerGpu|slots|releaseLimit)$/,
];

/** Whether a setting may be changed while a run is under way. */
export function isSafeSetting(key: string): boolean {
  return safeSettings.some((pattern) => pattern.test(key));
}

/** The settings in which two configurations differ, in the order of the schema. */
export function configChanges(from: RunConfig, to: RunConfig): ConfigChange[] {
  return [...settings.keys()]
    .map((key) => ({ key, from: valueAt(from, key), to: valueAt(to, key) }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
}

/** A configuration with changes applied, one after the other. Throws RUN_JOURNAL for a value that no setting can have. */
export function withChanges(config: RunConfig, changes: readonly ConfigChange[]): RunConfig {
  const changed = structuredClone(config);
  for (const { key, to } of changes) {
    const setting = settings.get(key);
    // A setting that this version does not know has no effect in it.
    if (!setting) continue;
    if (!setting.schema.safeParse(to).success) {
      const message = `the journal gives ${key} the value ${JSON.stringify(to)}: expected ${setting.expected}`;
      throw new IncubateError('RUN_JOURNAL', message, {
        hint: 'Restore the journal from a backup, or start a new run.',
      });
    }
    const path = key.split('.');
    const name = path.pop() as string;
    const section = path.reduce(
      (found, part) => found[part] as Record<string, unknown>,
      changed as Record<string, unknown>,
    );
    section[name] = to;
  }
  return changed;
}

/**
 * Decides on changes to a run's settings: those which change nothing of what comes out of it are accepted with `force`.
 *
 * @param refusal what to say where they are not; its message is followed by the changes, one a line
 * @throws the refusal
 */
export function acceptChanges(
  changes: readonly ConfigChange[],
  force: boolean,
  refusal: { readonly code: ErrorCode; readonly message: string; readonly otherwise: string },
): readonly ConfigChange[] {
  const fixed = changes.map(({ key }) => key).filter((key) => !isSafeSetting(key));
  if (changes.length === 0 || (force && fixed.length === 0)) return changes;
  const reason =
    fixed.length === 0
      ? 'They do not change what comes out of it: add --force to go on with them'
      : `A run keeps what decides on its outcome: ${fixed.join(', ')}. Leave that as it was`;
  throw new IncubateError(refusal.code, `${refusal.message}:\n${describeChanges(changes)}`, {
    hint: `${reason}, or ${refusal.otherwise}.`,
  });
}

/** The changes for people, one a line: `  execution.retries: 2 → 5`. */
function describeChanges(changes: readonly ConfigChange[]): string {
  return changes.map(({ key, from, to }) => `  ${key}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`).join('\n');
}

/** The value of a setting by its dotted path. */
export function valueAt(config: RunConfig, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((section, part) => (section as Record<string, unknown> | undefined)?.[part], config);
}
