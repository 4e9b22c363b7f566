import { basename } from 'node:path';
import { hasSetting } from '../../config/methods.ts';
import { settings } from '../../config/settings.ts';
import { isSafeSetting, valueAt } from '../../coordinator/config-changes.ts';
import { phaseOf } from '../../protocol/plan.ts';
import type { RunRecord } from '../../protocol/run.ts';

/** What a run is beside its seed: settings by their dotted paths, and what was settled when it was planned. */
export type Identity = ReadonlyMap<string, unknown>;

/**
 * Settings that change nothing of what comes out are left out, and so are those of phases and methods that the run does not
 * have. What decides on the time that a run takes is in: the engine and the places that its jobs run in. A data set is known by
 * its name and its numbers of images: it may have moved, and its fingerprint is that of a subset that the seed chooses.
 */
export function identityOf(record: RunRecord): Identity {
  const { config, plan, dataset } = record;
  const kept = [...settings.keys()].filter((key) => key !== 'seed' && !isSafeSetting(key) && concerns(key, record));
  const devices = new Set(plan.leases.map(({ kind, cudaVisibleDevices }) => `${kind} ${cudaVisibleDevices}`));
  return new Map<string, unknown>([
    ...kept.map((key) => [key, valueAt(config, key)] as const),
    ['devices.engine', plan.engine],
    ['devices.gpus', plan.leases[0]?.kind === 'gpu' ? devices.size : 0],
    ['devices.slots', plan.leases.length],
    ['data.source', basename(config.data.source)],
    ['data.images', `${dataset.train} + ${dataset.validation}`],
  ]);
}

/** Whether a run has the phase or the method that a setting is for, where it is for one. */
function concerns(key: string, { config, plan }: RunRecord): boolean {
  const [section, name = ''] = key.split('.');
  if (section === 'phases') return plan.jobs.some(({ kind }) => phaseOf[kind] === name);
  return hasSetting(config.method.name, key);
}

/** A text that two identities share where they are equal. */
export function identityKey(identity: Identity): string {
  return JSON.stringify([...identity]);
}

/** How a row of a comparison is told from the others, for people. */
export interface RowLabel {
  readonly method: string;
  readonly model: string;
  readonly data: string;
  /** Other settings in which the rows differ, by their dotted paths. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The labels of rows: what all share that have it is left out of the settings. */
export function labelRows(identities: readonly Identity[]): RowLabel[] {
  const keys = [...new Set(identities.flatMap((identity) => [...identity.keys()]))];
  const differing = keys.filter((key) => {
    const values = identities.filter((identity) => identity.has(key)).map((identity) => identity.get(key));
    return new Set(values.map((value) => JSON.stringify(value))).size > 1;
  });
  const isNamed = (key: string) => /^(method|model|data)\./.test(key);
  return identities.map((identity) => {
    const described = (section: string, name: unknown) => {
      const details = differing.filter(
        (key) => key.startsWith(`${section}.`) && !told.includes(key) && identity.has(key),
      );
      const words = details.map((key) => `${key.slice(section.length + 1)}=${textOf(identity.get(key))}`);
      return [String(name), ...words].join(' ');
    };
    const rest = differing.filter((key) => !isNamed(key));
    return {
      method: described('method', identity.get('method.name') ?? 'incubation'),
      model: described('model', identity.get('model.name')),
      data: described('data', dataText(identity)),
      settings: Object.fromEntries(rest.filter((key) => identity.has(key)).map((key) => [key, identity.get(key)])),
    };
  });
}

/** The settings of a row in one line: `division.modules=2 training.mixup=0`. */
export function settingsText(settings: RowLabel['settings']): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${textOf(value)}`)
    .join(' ');
}

/** What {@link dataText} and the names say already. */
const told: readonly string[] = [
  'method.name',
  'model.name',
  'data.source',
  'data.trainLimit',
  'data.shots',
  'data.images',
];

/** `cifar10 25%`, `shapes 100%`, `photos 5 shots` */
function dataText(identity: Identity): string {
  const [source, limit, shots] = ['data.source', 'data.trainLimit', 'data.shots'].map((key) => identity.get(key));
  const size = shots === null ? (limit ?? '100%') : `${shots} shots`;
  return `${source} ${size}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
