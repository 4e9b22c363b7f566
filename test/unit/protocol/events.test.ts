import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commonFields, eventRows, fieldsOf, namedShapes } from '../../support/event-rows.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/events.md'), 'utf8');

/** Name, meaning and fields of each row of the table with this head. */
function table(head: string): string[][] {
  const rows =
    page
      .slice(page.indexOf(`| ${head} |`))
      .split('\n\n', 1)[0]
      ?.trimEnd()
      .split('\n')
      .slice(2) ?? [];
  return rows.map((row) => row.split('|').map((cell) => cell.trim()));
}

/** Events are an interface: programs read them. A change here belongs in docs/events.md and CHANGELOG.md. */
it('docs/events.md has every type of event and its fields as the schema has them', () => {
  const documented = table('event').map(([, name = '', , fields]) => [name.replaceAll('`', ''), fields]);
  expect(documented).toEqual(eventRows().map(([type, fields]) => [type, fields || '-']));
});

it('docs/events.md has the objects in events as the schema has them', () => {
  const documented = table('in fields').map(([, name = '', , fields]) => [name.replaceAll('`', ''), fields]);
  expect(documented).toEqual([...namedShapes].map(([name, shape]) => [name, fieldsOf(shape)]));
});

it('docs/events.md says of every event when it comes', () => {
  for (const [, name, when] of [...table('event'), ...table('in fields')])
    expect([name, when?.length]).not.toEqual([name, 0]);
});

it('every event has the fields that the page promises of all', () => {
  for (const [type] of eventRows()) {
    const ofRun = [
      'run-created',
      'journal-recovered',
      'session-started',
      'session-ended',
      'reconfigured',
      'run-completed',
      'loader-started',
      'loader-exited',
    ];
    const expected =
      type === 'progress' ? ['job', 'time'] : ['seq', 'time', ...(ofRun.includes(type) ? [] : ['attempt', 'job'])];
    expect([type, ...commonFields(type).sort()]).toEqual([type, ...[...expected, 'type'].sort()]);
  }
});
