import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { hasErrno, IncubateError, messageOf } from '../util/errors.ts';
import { type Assigned, assign, joinAssigned, type Level, unknownKey } from './assignment.ts';
import type { Problem } from './problems.ts';
import { sections } from './settings.ts';

/** A configuration file's content and the way back to its lines. */
export interface ConfigFile {
  readonly content: unknown;
  lineOf(path: readonly string[]): number | undefined;
}

/**
 * Reads a YAML file. Throws CONFIG_FILE where it cannot be read, and CONFIG_SYNTAX with line and column where it is not
 * YAML.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const reason = hasErrno(error, 'ENOENT') ? 'there is no such file' : messageOf(error);
    throw new IncubateError('CONFIG_FILE', `cannot read the configuration file ${path}: ${reason}`, {
      cause: error,
      hint: 'Check the path given to --config; a bundled recipe is chosen with --recipe.',
    });
  });
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new IncubateError('CONFIG_SYNTAX', `${path}:${line}:${col}: ${error.message}`, {
      hint: 'The file is not valid YAML at that line and column.',
    });
  }
  return {
    content: readContent(path, () => document.toJS()),
    lineOf(keys) {
      const offset = keyOffset(document.contents, keys);
      return offset === undefined ? undefined : lineCounter.linePos(offset).line;
    },
  };
}

/** Turns a file's content into assignments; `except` names top-level keys that are no settings. */
export function assignFile(file: ConfigFile, origin: string, level: Level, except: readonly string[] = []): Assigned {
  const place = (path: readonly string[]) => {
    const line = file.lineOf(path);
    return line === undefined ? origin : `${origin}, line ${line}`;
  };
  const visit = (value: unknown, path: readonly string[]): Assigned => {
    const key = path.join('.');
    if (!sections.has(key)) return assign({ key, value, origin, level }, place(path));
    // A section with nothing under it, as when all its lines are commented out.
    if (value === null) return { assignments: [], problems: [] };
    if (!isRecord(value)) return { assignments: [], problems: [notASection(key, value, place(path))] };
    const children = Object.entries(value).filter(([name]) => path.length > 0 || !except.includes(name));
    return joinAssigned(
      children.map(([name, child]) =>
        // A dotted key would look like a path into a section.
        name.includes('.')
          ? { assignments: [], problems: [unknownKey([...path, name].join('.'), place([...path, name]))] }
          : visit(child, [...path, name]),
      ),
    );
  };
  return visit(file.content, []);
}

function notASection(key: string, value: unknown, place: string): Problem {
  const what = key === '' ? 'the configuration' : key;
  return {
    code: 'CONFIG_VALUE',
    message: `${what} is ${JSON.stringify(value)} (${place}): expected a mapping of settings`,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Aliases are resolved only here, and may fail. */
function readContent(path: string, toPlain: () => unknown): unknown {
  try {
    return toPlain();
  } catch (error) {
    throw new IncubateError('CONFIG_SYNTAX', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

function keyOffset(node: ParsedNode | null, [name, ...rest]: readonly string[]): number | undefined {
  if (name === undefined || !isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
  if (!pair) return undefined;
  return rest.length === 0 ? pair.key.range[0] : keyOffset(pair.value, rest);
}
