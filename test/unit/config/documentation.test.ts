import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { variableOf } from '../../../src/config/environment.ts';
import { configFlags } from '../../../src/config/flags.ts';
import { settings } from '../../../src/config/settings.ts';
import { settingsTable } from '../../support/settings-table.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
const tableRows = (head: string) => page.slice(page.indexOf(head)).split('\n\n', 1)[0]?.trimEnd().split('\n');

it('docs/configuration.md lists every setting as the schema has it', () => {
  expect(tableRows('| setting | default |')).toEqual(settingsTable());
});

it('docs/configuration.md lists every flag with its setting', () => {
  const rows = configFlags.map(({ flag, argument, key }) => `| \`${flag} ${argument}\` | \`${key}\` |`);
  expect(tableRows('| flag | setting |')).toEqual(['| flag | setting |', '|---|---|', ...rows]);
});

it('every setting has a description, and a variable of its own', () => {
  expect([...settings.values()].filter(({ description }) => description === '')).toEqual([]);
  expect(new Set([...settings.keys()].map(variableOf)).size).toBe(settings.size);
});
