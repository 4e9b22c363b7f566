import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';

it('prints the plan of the default recipe and writes nothing', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'plan in here '));
  const { stdout, stderr, exitCode } = await runCli(['plan', '--threads', '2'], { cwd });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  for (const word of ['module 0', 'finetune', 'layer units', 'FLOPs']) expect(stdout).toContain(word);
  expect(await readdir(cwd)).toEqual([]);
});

it('prints one JSON document, with costs read off the traced steps', async () => {
  const args = ['plan', '--json', '--depths', '2,6', '--batch-size', '64', '--set', 'phases.meta.epochs=0'];
  const { stdout, exitCode } = await runCli(args);
  const { modules, jobs, model, cost } = JSON.parse(stdout);
  expect(exitCode).toBe(0);
  expect(modules).toMatchObject([
    { from: 0, to: 2 },
    { from: 2, to: 8 },
  ]);
  expect(jobs.map((job: { id: string }) => job.id)).toEqual(['meta', 'module-0', 'module-1', 'finetune', 'evaluate']);
  expect(jobs[0].steps).toBe(0);
  const [, , larger, finetune] = jobs;
  expect(finetune.trained).toBe(model.parameters);
  // A training step is about three forward passes, of two operations per multiply-add.
  const forward = 2 * 64 * model.macsPerImage;
  expect(finetune.flopsPerStep / forward).toBeGreaterThan(2.8);
  expect(finetune.flopsPerStep / forward).toBeLessThan(3.6);
  expect(larger.peakBytes).toBeLessThan(finetune.peakBytes);
  expect(cost.layerUnitsOfEndToEnd).toBeGreaterThan(cost.criticalPathOfEndToEnd);
});

it('ends with status 3 for what cannot be planned', async () => {
  const { stdout, stderr, exitCode } = await runCli(['plan', '--json', '--depths', '1,2']);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
  expect(stderr).toContain("add up to 3, not to the model's depth 8");
  expect(stderr).toContain('code: CONFIG_DIVISION');
});
