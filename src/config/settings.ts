import { z } from 'zod';
import { nearest } from '../util/nearest.ts';
import { describeExpected } from './expected.ts';
import { runConfigSchema } from './schema.ts';

/** One leaf of the configuration. */
export interface Setting {
  /** Dotted path: `training.batchSize`. */
  readonly key: string;
  readonly schema: z.ZodType;
  readonly description: string;
  readonly defaultValue: unknown;
  /** What a value must be, for people: `a whole number above 0`. */
  readonly expected: string;
  /** Whether all values are texts. */
  readonly isText: boolean;
}

/** Every setting by its dotted path, in the order of the schema. */
export const settings: ReadonlyMap<string, Setting> = new Map(leavesOf(runConfigSchema, []));

/** Dotted paths of everything that holds settings; the root is ''. */
export const sections: ReadonlySet<string> = new Set([...settings.keys()].flatMap(ancestors));

/** The setting that a misspelt path most likely means: by the whole path, or else by its last part alone. */
export function nearestSetting(path: string): string | undefined {
  const keys = [...settings.keys(), ...sections].filter((key) => key !== '');
  const lastPart = (key: string) => key.slice(key.lastIndexOf('.') + 1);
  const close = nearest(path, keys);
  if (close !== undefined) return close;
  const part = nearest(lastPart(path), keys.map(lastPart));
  return keys.find((key) => lastPart(key) === part);
}

/** The texts, and yes and no, that a setting accepts; none where others are possible only, or there is no such setting. */
export function settingChoices(key: string): string[] {
  const setting = settings.get(key);
  return setting === undefined
    ? []
    : choicesOf(z.toJSONSchema(setting.schema, { io: 'input', unrepresentable: 'any' }));
}

function choicesOf({ enum: values, const: value, type, anyOf }: z.core.JSONSchema.BaseSchema): string[] {
  if (type === 'boolean') return ['true', 'false'];
  const own = [...(values ?? []), value].filter((choice) => typeof choice === 'string');
  return [...own, ...(anyOf ?? []).flatMap(choicesOf)];
}

function leavesOf(schema: z.ZodType, path: readonly string[]): [string, Setting][] {
  const section = sectionOf(schema);
  if (section) {
    return Object.entries(section.shape).flatMap(([name, child]) => leavesOf(child as z.ZodType, [...path, name]));
  }
  const key = path.join('.');
  const setting = {
    key,
    schema,
    description: schema.description ?? '',
    defaultValue: schema.parse(undefined),
    expected: describeExpected(schema),
    isText: z.toJSONSchema(schema, { io: 'input' }).type === 'string',
  };
  return [[key, setting]];
}

function sectionOf(schema: z.ZodType): z.ZodObject | undefined {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner : undefined;
}

function ancestors(key: string): string[] {
  const parts = key.split('.').slice(0, -1);
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('.'))];
}
