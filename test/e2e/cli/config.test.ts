import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { callCli, runCli } from '../../support/cli.ts';
import { configFile } from '../../support/config-files.ts';

describe('incubate config', () => {
  it('prints YAML with origins', async () => {
    const { stdout, stderr, exitCode } = await runCli(['config', '--batch-size', '32']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(parse(stdout).training.batchSize).toBe(32);
    expect(stdout).toContain('  batchSize: 32 # --batch-size\n  accumulate: 1 # default\n');
    expect(stdout).toContain('  source: shapes # recipe shapes\n');
  });

  it('prints one JSON document', async () => {
    const env = { INCUBATE_PHASES__META__EPOCHS: '3' };
    const { stdout, exitCode } = await callCli(['config', '--json', '--set', 'data.flip=0'], { env });
    const { config, origins, recipe } = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(recipe).toBe('shapes');
    expect(config.data.flip).toBe(0);
    expect(origins['data.flip']).toBe('--set');
    expect(config.phases.meta.epochs).toBe(3);
    expect(origins['phases.meta.epochs']).toBe('INCUBATE_PHASES__META__EPOCHS');
  });

  it('works from any directory and with spaces in paths', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'work in here '));
    await mkdir(join(directory, 'my images'));
    await writeFile(join(directory, 'my config.yaml'), 'recipe: shapes\nseed: 5\n');
    const args = ['config', '--json', '-c', 'my config.yaml', '--data', 'my images'];
    const { stdout, exitCode } = await callCli(args, { cwd: directory });
    const { config, origins } = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(config).toMatchObject({ seed: 5, data: { source: 'my images' } });
    expect(origins.seed).toBe('file my config.yaml');
  });

  it.each([
    ['unknown setting', 'trainng:\n  batchSize: 3\n', "unknown setting 'trainng' (file", 'CONFIG_KEY'],
    ['wrong value', 'seed: -1\n', 'seed is -1 (file', 'CONFIG_VALUE'],
    ['no YAML', 'seed: [\n', ':2:1: ', 'CONFIG_SYNTAX'],
    ['contradiction', 'division: { modules: 2, depths: [1, 2, 3] }\n', 'lists 3 modules', 'CONFIG_DIVISION'],
  ])('ends with status 3 for a file with: %s', async (_, content, message, code) => {
    const { stdout, stderr, exitCode } = await callCli(['config', '--json', '--config', await configFile(content)]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).toMatch(new RegExp(`\ncode: ${code}$`));
  });
});
