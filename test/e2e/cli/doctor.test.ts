import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';

it('finds a working CPU engine', async () => {
  const { stdout, exitCode } = await runCli(['doctor', '--json']);
  const { engines, versions, choice } = JSON.parse(stdout);
  expect(exitCode).toBe(0);
  expect(engines.map(({ name }: { name: string }) => name)).toEqual(['cpu', 'webgpu', 'cuda', 'tfjs', 'torch']);
  for (const { name, available, reason, hint } of engines) {
    if (name === 'cpu') expect(available).toBe(true);
    else if (!available) expect(reason && hint).toMatch(/.{10}/);
  }
  expect(versions.node).toBe(process.versions.node);
  expect(choice.leases.length).toBeGreaterThan(0);
});

it('tells people what would be used', async () => {
  const { stdout, exitCode } = await runCli(['doctor'], { env: { CUDA_VISIBLE_DEVICES: '' } });
  expect(exitCode).toBe(0);
  for (const line of ['incubate ', 'processor ', 'GPUs ', 'engines ', 'would use ']) {
    expect(stdout).toMatch(new RegExp(`^${line}`, 'm'));
  }
});

it('lists the GPUs that nvidia-smi names', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nvidia smi '));
  const program = join(directory, 'nvidia-smi');
  await writeFile(program, '#!/bin/sh\necho "0, GPU-0a1b2c3d, NVIDIA H200, 143771"\n');
  await chmod(program, 0o755);
  const env = { PATH: `${directory}:${process.env.PATH}` };
  const { stdout } = await runCli(['doctor', '--json'], { env });
  expect(JSON.parse(stdout).devices.gpus).toEqual([
    { index: 0, uuid: 'GPU-0a1b2c3d', name: 'NVIDIA H200', memoryMiB: 143771 },
  ]);
});
