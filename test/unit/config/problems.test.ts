import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type ConfigSources, resolveConfig } from '../../../src/config/resolve.ts';
import { IncubateError } from '../../../src/util/errors.ts';
import { configFile } from '../../support/config-files.ts';

async function failure(sources: ConfigSources): Promise<IncubateError> {
  const error = await resolveConfig(sources).catch((caught: unknown) => caught);
  if (error instanceof IncubateError) return error;
  throw new Error('the configuration was accepted');
}

describe('unknown names', () => {
  it.each<[string, ConfigSources, string, string | undefined]>([
    ['--set', { sets: ['training.batchsiz=3'] }, "unknown setting 'training.batchsiz' (--set)", 'training.batchSize'],
    ['--set, last part only', { sets: ['batchSize=3'] }, "unknown setting 'batchSize' (--set)", 'training.batchSize'],
    ['--set, a section', { sets: ['phases.meta=3'] }, "'phases.meta' is a section", 'phases.meta.epochs'],
    ['--set, inherited property', { sets: ['__proto__.x=3'] }, "unknown setting '__proto__.x' (--set)", undefined],
    [
      'environment',
      { env: { INCUBATE_TRAINING__BATCH_SIZ: '3' } },
      'INCUBATE_TRAINING__BATCH_SIZ names no setting',
      'INCUBATE_TRAINING__BATCH_SIZE',
    ],
    ['reserved variable', { env: { INCUBATE_RUN_DIR: 'x' } }, 'INCUBATE_RUN_DIR names no setting', 'INCUBATE_RUNS_DIR'],
  ])('%s', async (_, sources, message, hint) => {
    const error = await failure(sources);
    expect(error).toMatchObject({ code: 'CONFIG_KEY', exitCode: 3 });
    expect(error.message).toContain(message);
    if (hint !== undefined) expect(error.hint).toContain(hint);
  });

  it('names file and line', async () => {
    const path = await configFile('seed: 1\ntraining:\n  batchSize: 3\n  mixpu: 0\n');
    const error = await failure({ configFile: path });
    expect(error.message).toBe(`unknown setting 'training.mixpu' (file ${path}, line 4)`);
    expect(error.hint).toBe("Did you mean 'training.mixup'?");
  });

  it('takes no dotted keys in files', async () => {
    const error = await failure({ configFile: await configFile('training.batchSize: 3') });
    expect(error.message).toContain("unknown setting 'training.batchSize'");
  });
});

describe('wrong values', () => {
  it.each<[string, ConfigSources, string]>([
    ['flag', { flags: { seed: 'x' } }, 'seed is "x" (--seed): expected a whole number of at least 0'],
    ['fraction', { sets: ['data.flip=2'] }, 'data.flip is 2 (--set): expected a number from 0 to 1'],
    ['empty', { flags: { batchSize: '' } }, 'training.batchSize is "" (--batch-size): expected a whole number above 0'],
    [
      'list',
      { flags: { depths: '4,0' } },
      'division.depths is "4,0" (--depths): expected a list (each a whole number above 0) or null',
    ],
    [
      'variable',
      { env: { INCUBATE_MODEL__QKV_BIAS: 'maybe' } },
      'model.qkvBias is "maybe" (INCUBATE_MODEL__QKV_BIAS): expected true or false or null',
    ],
    [
      'half-open range',
      { sets: ['training.beta1=1'] },
      'training.beta1 is 1 (--set): expected a number of at least 0 and below 1',
    ],
  ])('%s', async (_, sources, message) => {
    expect(await failure(sources)).toMatchObject({ code: 'CONFIG_VALUE', message });
  });

  it('offers the nearest choice', async () => {
    const error = await failure({ flags: { engine: 'tfj' } });
    expect(error.message).toBe(
      `devices.engine is "tfj" (--engine): expected one of 'auto', 'cpu', 'webgpu', 'cuda', 'tfjs', 'torch'`,
    );
    expect(error.hint).toBe("Did you mean 'tfjs'?");
  });

  it('names file and line', async () => {
    const path = await configFile('training:\n  batchSize: many\n');
    expect((await failure({ configFile: path })).message).toContain(`"many" (file ${path}, line 2)`);
  });

  it('refuses a value in place of a section', async () => {
    const error = await failure({ configFile: await configFile('training: 3') });
    expect(error).toMatchObject({ code: 'CONFIG_VALUE' });
    expect(error.message).toContain('expected a mapping of settings');
  });

  it('are found in sources that are overridden', async () => {
    expect((await failure({ env: { INCUBATE_SEED: 'x' }, flags: { seed: '1' } })).code).toBe('CONFIG_VALUE');
  });

  it.each([
    ['micro-batches', ['training.batchSize=10', 'training.accumulate=3'], 'not divisible'],
    ['mean', ['data.mean=[0.5]'], 'data.mean lists 1 values, but images have 3 channels'],
    ['std', ['model.channels=1', 'data.mean=[0.5]'], 'data.std lists 3 values, but images have 1 channels'],
  ])('between settings: %s', async (_, sets, message) => {
    const error = await failure({ sets });
    expect(error.code).toBe('CONFIG_VALUE');
    expect(error.message).toContain(message);
  });
});

describe('sources that cannot be read', () => {
  it('missing file', async () => {
    const error = await failure({ configFile: 'no/such/file.yaml' });
    expect(error).toMatchObject({ code: 'CONFIG_FILE', exitCode: 3 });
    expect(error.message).toContain('no/such/file.yaml: there is no such file');
  });

  it('directory', async () => {
    expect((await failure({ configFile: tmpdir() })).code).toBe('CONFIG_FILE');
  });

  it.each([
    ['unbalanced', 'seed: 1\ntraining: [3\n', ':3:1: '],
    ['repeated key', 'seed: 1\nseed: 2\n', ':2:1: '],
    ['missing alias', 'seed: *other\n', ''],
  ])('YAML: %s', async (_, content, position) => {
    const path = await configFile(content);
    const error = await failure({ configFile: path });
    expect(error.code).toBe('CONFIG_SYNTAX');
    expect(error.message).toContain(`${path}${position}`);
  });

  it('unknown recipe', async () => {
    const error = await failure({ recipe: 'shaeps' });
    expect(error).toMatchObject({ code: 'CONFIG_RECIPE' });
    expect(error.hint).toContain("Did you mean 'shapes'?");
    expect((await failure({ recipe: '../package' })).code).toBe('CONFIG_RECIPE');
  });

  it('recipe that is no text', async () => {
    expect((await failure({ configFile: await configFile('recipe: 3') })).code).toBe('CONFIG_KEY');
  });

  it('--set without a value', async () => {
    expect(await failure({ sets: ['seed'] })).toMatchObject({ code: 'USAGE_SET', exitCode: 2 });
  });
});

describe('several problems', () => {
  it('are all reported, under the code that they share', async () => {
    const error = await failure({ flags: { seed: 'x', batchSize: '0' } });
    expect(error.code).toBe('CONFIG_VALUE');
    expect(error.message.split('\n')).toEqual([
      'the configuration has 2 problems:',
      '  - training.batchSize is 0 (--batch-size): expected a whole number above 0',
      '  - seed is "x" (--seed): expected a whole number of at least 0',
    ]);
  });

  it('have the code CONFIG where they are of different kinds', async () => {
    const error = await failure({ flags: { seed: 'x' }, sets: ['sed=1'] });
    expect(error.code).toBe('CONFIG');
    expect(error.message).toContain("Did you mean 'seed'?");
  });
});
