import type { DatasetIdentity } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';

/** Numbers that a model gives for what it is shown: one for each class, or each token. */
export function outputsOf({ classes, tokens }: DatasetIdentity): number {
  return tokens?.vocabulary ?? classes.length;
}

/** What a data set consists of, in the plural. */
export function samplesIn({ tokens }: Pick<DatasetIdentity, 'tokens'>): 'images' | 'sequences' {
  return tokens ? 'sequences' : 'images';
}

/** Throws DATA_CHANGED, saying what differs, unless a data set still is what it was. */
export function assertSameDataset(expected: DatasetIdentity, found: DatasetIdentity): void {
  const what = samplesIn(found);
  const differences = [
    expected.classes.join('\n') === found.classes.join('\n')
      ? []
      : [`classes ${list(expected.classes)} → ${list(found.classes)}`],
    expected.train === found.train ? [] : [`training ${what} ${expected.train} → ${found.train}`],
    expected.validation === found.validation ? [] : [`validation ${what} ${expected.validation} → ${found.validation}`],
  ].flat();
  if (expected.fingerprint === found.fingerprint && differences.length === 0) return;
  const changes = differences.length > 0 ? differences.join('; ') : 'other contents, file names or sizes';
  throw new IncubateError(
    'DATA_CHANGED',
    `the data set ${expected.source} has changed since the run was created: ${changes}`,
    {
      hint: 'Restore the files, or start a new run with what is there now.',
    },
  );
}

function list(classes: readonly string[]): string {
  return classes.length > 6 ? `${classes.length} (${classes.slice(0, 3).join(', ')}, …)` : classes.join(', ');
}
