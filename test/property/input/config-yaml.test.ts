import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { sections, settings } from '../../../src/config/settings.ts';
import { outcomeOf } from '../../support/outcome.ts';

const path = join(mkdtempSync(join(tmpdir(), 'incubate yaml ')), 'settings.yaml');

/** Either the error of a configuration, or one that the schema takes and that is the same when read again. */
async function expectSound(content: string | Uint8Array): Promise<boolean> {
  writeFileSync(path, content);
  const outcome = await outcomeOf(() => resolveConfig({ configFile: path }));
  if ('code' in outcome) {
    expect(outcome.code).toMatch(/^CONFIG(_|$)/);
    return false;
  }
  const { config } = outcome.value;
  expect(runConfigSchema.parse(config)).toEqual(config);
  writeFileSync(path, stringify(config));
  expect((await resolveConfig({ configFile: path })).config).toEqual(config);
  return true;
}

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    '',
    'auto',
    'none',
    'cpu',
    '1e3',
    '0x10',
    [],
    {},
    [0, 1],
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const keys = [...settings.keys(), ...sections, '__proto__', 'constructor', 'toString', 'recipe'];

/** A mapping in which a few settings or sections have values that may or may not be theirs. */
const mapping = fc.array(fc.tuple(fc.constantFrom(...keys), junk), { maxLength: 4 }).map((entries) => {
  const root: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) {
    const parts = key.split('.');
    let section = root;
    for (const part of parts.slice(0, -1)) {
      const next = section[part];
      section[part] = typeof next === 'object' && next !== null ? next : Object.create(null);
      section = section[part] as Record<string, unknown>;
    }
    section[parts.at(-1) ?? ''] = value;
  }
  return stringify(root);
});

test('settings with any values are a configuration or an error of one', async () => {
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(mapping, async (content) => {
      if (await expectSound(content)) sound += 1;
    }),
    { numRuns: 300 },
  );
  expect(sound).toBeGreaterThan(10);
});

test('so are any texts and bytes', async () => {
  const pieces = fc.constantFrom(
    'model',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '&a',
    '*a',
    '<<: ',
    '!!js',
    '{',
    ']',
    '"',
    '|',
    '#',
    '%',
  );
  const text = fc.array(fc.oneof(pieces, fc.string({ maxLength: 4, unit: 'binary' })), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        text.map((parts) => parts.join('')),
        fc.uint8Array({ maxLength: 60 }),
      ),
      async (content) => {
        await expectSound(content);
      },
    ),
    { numRuns: 300 },
  );
});

test('aliases that multiply are refused, not expanded', async () => {
  const levels = Array.from({ length: 30 }, (_, level) =>
    level === 0 ? 'a0: &a0 [x, x]' : `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`,
  );
  expect(await expectSound(levels.join('\n'))).toBe(false);
});

test('keys of objects of the language are settings that there are not', async () => {
  expect(await expectSound('__proto__: { polluted: true }')).toBe(false);
  expect(await expectSound('constructor: { prototype: { polluted: true } }')).toBe(false);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
