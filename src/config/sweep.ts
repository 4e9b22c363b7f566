import { parse } from 'yaml';
import { IncubateError } from '../util/errors.ts';
import { type Assigned, type Assignment, assign, joinAssigned, unknownKey } from './assignment.ts';
import { type Problem, throwProblems } from './problems.ts';
import { type Setting, settings } from './settings.ts';
import { assignFile, type ConfigFile, readConfigFile } from './yaml-file.ts';

/** Something that a sweep varies, and all that it may be. */
interface Dimension {
  /** A setting's dotted path, or a name. */
  readonly name: string;
  readonly options: readonly { readonly label: string; readonly assignments: readonly Assignment[] }[];
}

/** One run of a sweep: what it has otherwise than the others. */
export interface SweepPoint {
  /** What its name ends with: `seed=0-data.trainLimit=50`. */
  readonly label: string;
  readonly assignments: readonly Assignment[];
}

export interface SweepSources {
  /** `key=value,value`, as given to `--vary`. */
  readonly vary?: readonly string[] | undefined;
  /** Path of a YAML file: what is varied, each a list of a setting's values or a mapping of names to settings. */
  readonly matrix?: string | undefined;
}

/**
 * Every combination of what a sweep varies; what is named first changes slowest.
 *
 * @throws USAGE_VARY for an option that is not understood, USAGE_SWEEP where nothing is varied, something twice, or two runs
 *   would have one name; CONFIG_FILE and CONFIG_SYNTAX for the file, CONFIG_MATRIX for what it holds; CONFIG_KEY and
 *   CONFIG_VALUE for what is no setting or value of one; one error that lists all problems where there are several
 */
export async function readSweep({ vary = [], matrix }: SweepSources): Promise<SweepPoint[]> {
  const problems: Problem[] = [];
  const dimensions = [
    ...(matrix === undefined ? [] : matrixDimensions(await readConfigFile(matrix), matrix, problems)),
    ...vary.flatMap((text) => varyDimension(text, problems)),
  ];
  throwProblems(problems);
  if (dimensions.length === 0) {
    throw new IncubateError('USAGE_SWEEP', 'the sweep varies nothing', {
      hint: 'Name what differs between its runs: --vary seed=0,1,2, or --matrix with a file.',
    });
  }
  checkOnce(dimensions);
  const points = dimensions.reduce<readonly SweepPoint[]>(
    (before, { name, options }) =>
      before.flatMap((point) =>
        options.map(({ label, assignments }) => ({
          label: [point.label, `${name}=${label}`].filter((part) => part !== '').join('-'),
          assignments: [...point.assignments, ...assignments],
        })),
      ),
    [{ label: '', assignments: [] }],
  );
  checkLabels(points);
  return [...points];
}

/** Throws USAGE_SWEEP where one setting or name is varied in two places: the last would count and the names would lie. */
function checkOnce(dimensions: readonly Dimension[]): void {
  const names = dimensions.flatMap(({ name, options }) => {
    const keys = options.flatMap(({ assignments }) => assignments.map(({ key }) => key));
    return [...new Set([name, ...keys])];
  });
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new IncubateError('USAGE_SWEEP', `${twice} is varied twice`, { hint: 'List all of its values in one place.' });
}

function checkLabels(points: readonly SweepPoint[]): void {
  const labels = points.map(({ label }) => label);
  const same = labels.find((label, index) => labels.indexOf(label) !== index);
  if (same === undefined) return;
  const values = points
    .filter(({ label }) => label === same)
    .slice(0, 2)
    .map(({ assignments }) => JSON.stringify(Object.fromEntries(assignments.map(({ key, value }) => [key, value]))));
  throw new IncubateError('USAGE_SWEEP', `two runs would be named …-${same}: ${values.join(' and ')}`, {
    hint: 'Leave out what is there twice, or give the values names in a file for --matrix.',
  });
}

function varyDimension(text: string, problems: Problem[]): Dimension[] {
  const equals = text.indexOf('=');
  const key = text.slice(0, equals).trim();
  const refuse = (problem: Problem) => {
    problems.push(problem);
    return [];
  };
  if (equals < 1) {
    const message = `--vary takes key=value,value,…, not '${text}'`;
    return refuse({ code: 'USAGE_VARY', message, hint: 'For example --vary seed=0,1,2.' });
  }
  const setting = settings.get(key);
  if (!setting) return refuse(unknownKey(key, '--vary'));
  const values = valuesOf(setting, text.slice(equals + 1));
  if (values === undefined || values.length === 0) {
    const message = `--vary ${text} has no list of values`;
    return refuse({ code: 'USAGE_VARY', message, hint: `Separate them by commas; each is ${setting.expected}.` });
  }
  return settingDimension(key, values, '--vary', '--vary', problems);
}

/** The values in a text, undefined where it is none of a list: as in YAML between brackets, but texts as they are. */
function valuesOf({ isText }: Setting, text: string): unknown[] | undefined {
  if (text.trim() === '') return undefined;
  if (isText) return text.split(',').map((value) => value.trim());
  try {
    const values: unknown = parse(`[${text}]`, { logLevel: 'error' });
    return Array.isArray(values) ? values : undefined;
  } catch {
    return undefined;
  }
}

function settingDimension(
  key: string,
  values: readonly unknown[],
  origin: string,
  place: string,
  problems: Problem[],
): Dimension[] {
  const assigned = values.map((value) => assign({ key, value, origin, level: 'flag' }, place));
  problems.push(...joinAssigned(assigned).problems);
  return [
    { name: key, options: assigned.map(({ assignments }, index) => ({ label: labelOf(values[index]), assignments })) },
  ];
}

function matrixDimensions(file: ConfigFile, path: string, problems: Problem[]): Dimension[] {
  const origin = `file ${path}`;
  const place = (...keys: string[]) => {
    const line = file.lineOf(keys);
    return line === undefined ? origin : `${origin}, line ${line}`;
  };
  const { content } = file;
  if (!isRecord(content)) {
    const hint = 'Each of its keys is a setting with a list of values, or a name with a mapping of names to settings.';
    problems.push({ code: 'CONFIG_MATRIX', message: `${path} is not a mapping of what is varied`, hint });
    return [];
  }
  return Object.entries(content).flatMap(([name, options]) => {
    if (Array.isArray(options) && options.length > 0)
      return settingDimension(name, options, origin, place(name), problems);
    if (!isRecord(options) || Object.keys(options).length === 0 || !Object.values(options).every(isRecord)) {
      const message = `${name} (${place(name)}) is neither a list of values nor a mapping of names to settings`;
      problems.push({ code: 'CONFIG_MATRIX', message });
      return [];
    }
    const assigned = Object.entries(options).map(([label, content]): readonly [string, Assigned] => {
      const part: ConfigFile = { content, lineOf: (keys) => file.lineOf([name, label, ...keys]) };
      return [label, assignFile(part, origin, 'flag')];
    });
    problems.push(...assigned.flatMap(([, { problems: found }]) => found));
    return [{ name, options: assigned.map(([label, { assignments }]) => ({ label: labelOf(label), assignments })) }];
  });
}

/** What a value is in the name of a run: signs that such cannot have become dashes, and vanish at its ends. */
function labelOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/[^\p{L}\p{N}._+@=-]+/gu, '-').replaceAll(/^-+|-+$/g, '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
