import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRunDirectory, listRuns, loadRunRecord } from '../../../src/coordinator/run-directory.ts';
import { checkRunName, freeRunName, resolveRun } from '../../../src/coordinator/run-name.ts';
import { createSmallRun, smallRecord, temporaryDirectory } from '../../fixtures/run.ts';

describe('creating a run', () => {
  test('writes a record that is read back as it was', async () => {
    const runDirectory = await createSmallRun();
    expect(await loadRunRecord(runDirectory)).toEqual(smallRecord());
  });

  test('succeeds for exactly one of several that use the same name', async () => {
    const directory = temporaryDirectory();
    const attempts = Array.from({ length: 8 }, () => createRunDirectory(join(directory, 'same'), smallRecord()));
    const settled = await Promise.allSettled(attempts);
    const reasons = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(reasons).toHaveLength(7);
    for (const reason of reasons) expect(reason).toMatchObject({ code: 'USAGE_RUN_EXISTS', exitCode: 2 });
    expect(readdirSync(directory)).toEqual(['same']);
  });

  test('leaves nothing behind when it fails', async () => {
    const directory = temporaryDirectory();
    const record = smallRecord();
    const impossible = { ...record, plan: { ...record.plan, jobs: [{ ...record.plan.jobs[0], id: 'a\0b' }] } };
    await expect(createRunDirectory(join(directory, 'x'), impossible as typeof record)).rejects.toMatchObject({
      code: 'ENVIRONMENT_WRITE',
    });
    writeFileSync(join(directory, 'file'), '');
    await expect(createRunDirectory(join(directory, 'file', 'x'), record)).rejects.toMatchObject({ exitCode: 4 });
    expect(readdirSync(directory)).toEqual(['file']);
  });
});

describe('loading a run', () => {
  test('of an unknown name is a usage error with the nearest name', async () => {
    const runDirectory = await createSmallRun();
    await expect(loadRunRecord(join(runDirectory, '..', 'smal'))).rejects.toMatchObject({
      code: 'USAGE_RUN',
      exitCode: 2,
      hint: "Did you mean 'small'?",
    });
    await expect(loadRunRecord(temporaryDirectory())).rejects.toMatchObject({ code: 'USAGE_RUN' });
  });

  test.each([
    ['a newer format', (record: string) => record.replace('"format": 1', '"format": 2'), 'has format 2'],
    ['half a record', (record: string) => record.slice(0, 200), 'is damaged'],
    ['nothing', () => '', 'is damaged'],
    ['something else', () => '[]', 'is damaged'],
    [
      'a job that leaves the directory',
      (record: string) => record.replace('"id": "meta"', '"id": "../meta"'),
      'plan.jobs.0.id',
    ],
  ])('with %s is refused', async (_, damage, message) => {
    const runDirectory = await createSmallRun();
    const path = join(runDirectory, 'run.json');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    await expect(loadRunRecord(runDirectory)).rejects.toMatchObject({
      code: 'RUN_FORMAT',
      exitCode: 6,
      message: expect.stringContaining(message),
    });
  });
});

describe('names of runs', () => {
  test.each(['../x', 'a/b', 'a\\b', '.hidden', '', '-x', 'a\nb', 'x.', 'a'.repeat(101)])('%j is refused', (name) => {
    expect(() => checkRunName(name)).toThrow(expect.objectContaining({ code: 'USAGE_RUN_NAME' }));
  });

  test.each(['a', 'vit-b_2', 'größer 2.0', '日本'])('%j is accepted', (name) => {
    expect(checkRunName(name)).toBe(name);
  });

  test('are made of recipe and time, and numbered where taken', () => {
    const directory = temporaryDirectory();
    const now = new Date(2024, 0, 2, 3, 4, 5);
    expect(freeRunName('configs/my recipe.yaml', directory, now)).toBe('my-recipe-20240102-030405');
    mkdirSync(join(directory, 'vit-tiny-20240102-030405'));
    expect(freeRunName('vit-tiny', directory, now)).toBe('vit-tiny-20240102-030405-2');
  });

  test('or paths lead to runs, which are listed without what is none', async () => {
    const runDirectory = await createSmallRun();
    const runs = join(runDirectory, '..');
    mkdirSync(join(runs, 'other'));
    expect(resolveRun('small', runs)).toBe(runDirectory);
    expect(resolveRun(runDirectory, 'elsewhere')).toBe(runDirectory);
    expect(await listRuns(runs)).toEqual(['small']);
    expect(await listRuns(join(runs, 'nothing'))).toEqual([]);
  });
});
