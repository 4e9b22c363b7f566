import type { DatasetIdentity } from '../protocol/run.ts';
import { IncubateError } from '../util/errors.ts';

/** Throws DATA_CHANGED, saying what differs, unless a data set still is what it was. */
export function assertSameDataset(expected: DatasetIdentity, found: DatasetIdentity): void {
  const differences = [
    expected.classes.join('\n') === found.classes.join('\n')
      ? []
      : [`classes ${list(expected.classes)} → ${list(found.classes)}`],
    expected.train === found.train ? [] : [`training images ${expected.train} → ${found.train}`],
    expected.validation === found.validation ? [] : [`validation images ${expected.validation} → ${found.validation}`],
  ].flat();
  if (expected.fingerprint === found.fingerprint && differences.length === 0) return;
  const what = differences.length > 0 ? differences.join('; ') : 'other contents, file names or sizes';
  throw new IncubateError(
    'DATA_CHANGED',
    `the data set ${expected.source} has changed since the run was created: ${what}`,
    {
      hint: 'Restore the images, or start a new run with the ones that are there now.',
    },
  );
}

function list(classes: readonly string[]): string {
  return classes.length > 6 ? `${classes.length} (${classes.slice(0, 3).join(', ')}, …)` : classes.join(', ');
}
