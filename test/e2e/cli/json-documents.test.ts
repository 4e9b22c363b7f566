import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { createSmallRun } from '../../fixtures/run.ts';
import { runCli } from '../../support/cli.ts';
import { holdRun } from '../../support/held-run.ts';
import * as documents from '../../support/json-documents.ts';
import { startCli, untilEvent } from '../../support/run.ts';
import { smallTraining } from '../../support/small-training.ts';

const coordinator = fileURLToPath(new URL('../../fixtures/coordinate.mjs', import.meta.url));

/** A home that cannot be written, even by root. */
const env = { HOME: '/proc/nobody', XDG_CACHE_HOME: '', XDG_CONFIG_HOME: '', npm_config_cache: '' };

let folder: string;
let runs: string;
let settings: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "incubate documents 🐣 it's "));
  runs = join(folder, 'runs $HOME');
  settings = await smallTraining(folder, 20);
});
afterAll(() => rm(folder, { recursive: true }));

/** Prints one document and nothing else on stdout, as the schema has it. */
async function expectDocument(schema: z.ZodType, args: string[], status = 0): Promise<void> {
  const { stdout, exitCode } = await runCli([...args, '--json'], { cwd: folder, env });
  expect(exitCode).toBe(status);
  const document = JSON.parse(stdout);
  schema.parse(document);
  expect(stdout).toBe(JSON.stringify(document, null, 2));
}

describe('in a path with spaces and emoji, without a terminal, with a home that cannot be written', () => {
  test('train stopped by a signal, resume, and all commands on the run print their documents', async () => {
    const train = ['train', '--config', settings, '--runs-dir', runs, '--run', 'größer'];
    const stopped = startCli([...train, '--json']);
    const run = join(runs, 'größer');
    await untilEvent(run, ({ type }) => type === 'checkpoint');
    stopped.kill('SIGTERM');
    const { stdout, exitCode } = await stopped;
    expect(exitCode).toBe(143);
    documents.stoppedDocument.parse(JSON.parse(String(stdout)));
    await expectDocument(documents.statusDocument, ['status', run]);
    await expectDocument(documents.resultDocument, ['resume', 'größer', '--runs-dir', runs]);
    await expectDocument(documents.statusDocument, ['status', 'größer', '--runs-dir', runs]);
    await expectDocument(documents.statusDocument, ['status', 'größer', '--watch', '--runs-dir', runs]);
    await expectDocument(documents.comparisonDocument, ['compare', 'größer', '--runs-dir', runs]);
    await expectDocument(documents.evalDocument, ['eval', 'größer', '--runs-dir', runs]);
    await expectDocument(documents.cleanDocument, ['clean', '--runs-dir', runs]);
    await expectDocument(documents.cleanDocument, ['clean', 'größer', '--yes', '--runs-dir', runs]);
    await mkdir(join(runs, 'damaged'));
    await writeFile(join(runs, 'damaged/run.json'), '{');
    await expectDocument(documents.runsDocument, ['status', '--runs-dir', runs]);
  });

  test('plan, config and doctor print theirs', async () => {
    await expectDocument(documents.planDocument, ['plan', '--config', settings]);
    await expectDocument(documents.configDocument, ['config', '--config', settings]);
    await expectDocument(documents.doctorDocument, ['doctor']);
  });

  test('status prints that of runs that are begun, held, failed and retried', async () => {
    const created = await createSmallRun();
    await expectDocument(documents.statusDocument, ['status', created]);
    const held = await holdRun(created);
    await expectDocument(documents.statusDocument, ['status', created]);
    await held.release();
    const failed = await createSmallRun({ 'module-0': ['fail', 'complete'], 'module-1': ['crash'] });
    await execa('node', [coordinator, failed], { reject: false });
    await expectDocument(documents.statusDocument, ['status', failed]);
    await expectDocument(documents.statusDocument, ['status', failed, '--watch'], 1);
  });
});
