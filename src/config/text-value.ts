import { parse } from 'yaml';
import type { Setting } from './settings.ts';

/**
 * The value that a text on the command line or in the environment stands for: YAML, with lists also as `4,3,3,2`.
 * Settings that hold a text take it as it is, so that paths need no second quoting; quotes around all of it are removed.
 */
export function readText(setting: Setting, text: string): unknown {
  if (text.trim() === '') return text;
  if (setting.isText) return /^(['"]).*\1$/.test(text) ? parseYaml(text) : text;
  const value = parseYaml(text);
  if (accepts(setting, value)) return value;
  const list = text.split(',').map((item) => parseYaml(item.trim()));
  return accepts(setting, list) ? list : value;
}

function accepts({ schema }: Setting, value: unknown): boolean {
  return value !== undefined && schema.safeParse(value).success;
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return text;
  }
}
