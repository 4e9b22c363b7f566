import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { journalOf } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');
/** CIFAR-10 as JPEG folders; a checkout need not have it. */
const archive = process.env.INCUBATE_TEST_CIFAR10 ?? join(root, '../shared/data/cifar10-jpeg.tar.gz');
const absent = !existsSync(archive);
if (absent) console.warn(`skipped: the tests on real images, because ${archive} is not there`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incubate cifar 🐣 '));
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(absent)('configs/cifar10-smoke.yaml on CIFAR-10', () => {
  it('goes through all phases and learns something', async () => {
    const data = join(folder, 'some images');
    await mkdir(data);
    // 200 of each class, training and test.
    await execa('tar', ['-xzf', archive, '-C', data, '--wildcards', '*/0[01]??.jpg']);
    const smoke = join(root, 'configs/cifar10-smoke.yaml');
    const runs = join(folder, 'runs');
    const args = ['train', '--config', smoke, '--data', data, '--runs-dir', runs, '--run', 'smoke', '--json'];
    const { stdout, exitCode, stderr } = await runCli(args);
    expect(exitCode, stderr).toBe(0);
    const { metrics, weights } = JSON.parse(stdout);
    expect(metrics.modules).toHaveLength(4);
    // Ten classes: chance is 0.1, and 2.3 in loss.
    expect(metrics.meta.top1).toBeGreaterThan(0.18);
    expect(metrics.final.top1).toBeGreaterThan(0.18);
    expect(metrics.final.loss).toBeLessThan(2.2);
    expect((await readFile(weights.path)).length).toBeGreaterThan(4 * 100_000);
    const record = JSON.parse(await readFile(join(runs, 'smoke/run.json'), 'utf8'));
    expect(record.dataset).toMatchObject({ train: 2000, validation: 500 });
    expect(record.dataset.classes).toContain('airplane');
    const losses = (await journalOf(join(runs, 'smoke'))).filter(({ type, job }) => type === 'epoch' && job === 'meta');
    expect(losses.at(-1)?.loss).toBeLessThan(losses[0]?.loss as number);
  });
});
