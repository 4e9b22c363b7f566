import { expect, it } from 'vitest';
import { configAsYaml } from '../../../src/cli/config.ts';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { configFile } from '../../support/config-files.ts';

it('is a configuration file that says the same', async () => {
  const original = await resolveConfig({ flags: { gpus: '0,GPU-1', depths: '4,4' }, sets: ['data.source=a #b: c'] });
  const path = await configFile(await configAsYaml(original));
  expect((await resolveConfig({ configFile: path })).config).toEqual(original.config);
});

it('has the origin behind every value', async () => {
  const resolved = await resolveConfig({ flags: { seed: '3' } });
  const lines = (await configAsYaml(resolved)).trimEnd().split('\n');
  expect(lines[0]).toBe('seed: 3 # --seed');
  const values = lines.filter((line) => !line.trimEnd().endsWith(':'));
  expect(values).toHaveLength(Object.keys(resolved.origins).length);
  for (const line of values) expect(line).toMatch(/ # (default|recipe shapes|--seed)$/);
});
