import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { configFile } from '../../support/config-files.ts';

describe('precedence', () => {
  const key = 'training.batchSize';
  const variable = { INCUBATE_TRAINING__BATCH_SIZE: '3' };

  it.each([
    ['default', async () => ({ configFile: await configFile('seed: 1') }), 2048, 'default'],
    ['recipe', async () => ({}), 16, 'recipe shapes'],
    ['file', async () => ({ configFile: await configFile('recipe: shapes\ntraining: { batchSize: 2 }') }), 2, 'file'],
    [
      'environment',
      async () => ({ configFile: await configFile('training: { batchSize: 2 }'), env: variable }),
      3,
      'INCUBATE_TRAINING__BATCH_SIZE',
    ],
    ['--set', async () => ({ env: variable, sets: ['training.batchSize=4'] }), 4, '--set'],
    ['flag', async () => ({ env: variable, sets: [`${key}=4`], flags: { batchSize: '5' } }), 5, '--batch-size'],
  ])('%s', async (_, sources, value, origin) => {
    const { config, origins } = await resolveConfig(await sources());
    expect(config.training.batchSize).toBe(value);
    expect(origins[key]).toMatch(new RegExp(`^${origin}`));
  });

  it('takes the last of several --set', async () => {
    const { config } = await resolveConfig({ sets: ['seed=1', 'seed=2'] });
    expect(config.seed).toBe(2);
  });

  it('gives every setting an origin', async () => {
    const { config, origins } = await resolveConfig({});
    const leaves = (value: object, path: string[]): string[] =>
      Object.entries(value).flatMap(([name, child]) =>
        typeof child === 'object' && child !== null && !Array.isArray(child)
          ? leaves(child, [...path, name])
          : [[...path, name].join('.')],
      );
    expect(Object.keys(origins)).toEqual(leaves(config, []));
  });
});

describe('recipe', () => {
  it('is shapes where neither a recipe nor a file is named', async () => {
    expect((await resolveConfig({})).recipe).toBe('shapes');
  });

  it('is none where only a file is named', async () => {
    const { recipe, config } = await resolveConfig({ configFile: await configFile('seed: 1') });
    expect(recipe).toBeNull();
    expect(config.model.name).toBe('vit-base');
  });

  it('of the command line replaces that of the file', async () => {
    const path = await configFile('recipe: nonsense');
    expect((await resolveConfig({ configFile: path, recipe: 'shapes' })).recipe).toBe('shapes');
  });

  it('takes an empty file as one that sets nothing', async () => {
    const { config } = await resolveConfig({
      configFile: await configFile('# nothing\ntraining:\n  # batchSize: 3\n'),
    });
    expect(config.training.batchSize).toBe(2048);
  });
});

describe('texts on the command line and in the environment', () => {
  it.each([
    ['depths', '2,2,4', 'division', 'depths', [2, 2, 4]],
    ['depths', '[2, 2, 4]', 'division', 'depths', [2, 2, 4]],
    ['depths', '8', 'division', 'depths', [8]],
    ['gpus', 'none', 'devices', 'gpus', 'none'],
    ['gpus', '1', 'devices', 'gpus', [1]],
    ['gpus', '0,GPU-3fa1', 'devices', 'gpus', [0, 'GPU-3fa1']],
    ['data', '2024', 'data', 'source', '2024'],
    ['data', 'null', 'data', 'source', 'null'],
    ['data', 'my data #1: cats', 'data', 'source', 'my data #1: cats'],
    ['data', "'quoted'", 'data', 'source', 'quoted'],
    ['threads', '3', 'devices', 'threads', 3],
  ] as const)('--%s %s', async (flag, text, section, name, value) => {
    const { config } = await resolveConfig({ flags: { [flag]: text } });
    expect(config[section][name as never]).toEqual(value);
  });

  it.each([
    ['INCUBATE_SEED', '7', 'seed'],
    ['incubate_seed', '7', 'seed'],
    ['INCUBATE_DATA__CACHE_MIB', '7', 'data.cacheMiB'],
    ['INCUBATE_PHASES__META__WARMUPEPOCHS', '7', 'phases.meta.warmupEpochs'],
  ])('%s', async (variable, text, key) => {
    const { config, origins } = await resolveConfig({ env: { [variable]: text } });
    expect(key.split('.').reduce((value: unknown, name) => (value as Record<string, unknown>)[name], config)).toBe(7);
    expect(origins[key]).toBe(variable);
  });

  it('takes an empty variable as unset and leaves reserved ones alone', async () => {
    const { config } = await resolveConfig({
      env: { INCUBATE_SEED: '', INCUBATE_RUNS_DIR: '/x', INCUBATE_DEBUG: '1' },
    });
    expect(config.seed).toBe(0);
  });

  it('sets null through YAML', async () => {
    const { config } = await resolveConfig({ sets: ['data.mean=null', 'phases.finetune.clip=null'] });
    expect(config.data.mean).toBeNull();
    expect(config.phases.finetune.clip).toBeNull();
  });
});

describe('division', () => {
  it('takes the number of modules from depths', async () => {
    const { config, origins } = await resolveConfig({ flags: { depths: '2,6' } });
    expect(config.division).toMatchObject({ modules: 2, depths: [2, 6] });
    expect(origins['division.modules']).toBe('--depths');
  });

  it('drops depths of lower precedence that do not fit --modules', async () => {
    const path = await configFile('division: { depths: [1, 2, 3] }');
    const { config, origins } = await resolveConfig({ configFile: path, flags: { modules: '2' } });
    expect(config.division).toMatchObject({ modules: 2, depths: null });
    expect(origins['division.depths']).toBe('--modules');
  });

  it('keeps depths of lower precedence that fit --modules', async () => {
    const path = await configFile('division: { depths: [1, 2, 3] }');
    const { config } = await resolveConfig({ configFile: path, flags: { modules: '3' } });
    expect(config.division).toMatchObject({ modules: 3, depths: [1, 2, 3] });
  });

  it('refuses a contradiction within one level', async () => {
    const contradiction = resolveConfig({ flags: { modules: '3' }, sets: ['division.depths=[4, 4]'] });
    await expect(contradiction).rejects.toMatchObject({
      code: 'CONFIG_DIVISION',
      message: 'division.depths lists 2 modules (--set), but division.modules is 3 (--modules)',
    });
  });
});
