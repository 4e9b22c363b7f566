import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';

describe('incubate eval refuses', () => {
  it.each([
    ['a run that there is not', ['nonsense'], 2, 'USAGE_RUN'],
    ['a weights file that there is not', ['nonsense.safetensors'], 2, 'USAGE_WEIGHTS'],
    ['nothing', [], 2, 'USAGE_ARGUMENT'],
    ['a directory that is no run', ['empty'], 2, 'USAGE_RUN'],
    ['a damaged run', ['damaged'], 6, 'RUN_FORMAT'],
  ])('%s', async (_, args, status, code) => {
    const runs = await mkdtemp(join(tmpdir(), 'runs in here '));
    await mkdir(join(runs, 'empty'));
    await mkdir(join(runs, 'damaged'));
    await writeFile(join(runs, 'damaged/run.json'), '{');
    const { stdout, stderr, exitCode } = await runCli(['eval', '--json', '--runs-dir', runs, ...args]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr.trimEnd()).toMatch(new RegExp(`\ncode: ${code}$`));
  });
});
