import { expect, it } from 'vitest';
import { runConfigSchema } from '../../../src/config/schema.ts';
import { settledConfig } from '../../../src/coordinator/prepare.ts';
import { parametersOf, partsOf } from '../../../src/models/architecture.ts';
import { buildArchitecture, hasStatistics, modelNames } from '../../../src/models/registry.ts';

const modeOf = (settings: object) => settledConfig(runConfigSchema.parse(settings)).training.frozenSlices;

it.each<[string, string, string | null, string]>([
  ['resnet-20', 'incubation', null, 'train'],
  ['resnet-20', 'incubation', 'eval', 'eval'],
  ['resnet-20', 'imitation', null, 'eval'],
  ['resnet-20', 'imitation', 'train', 'train'],
  ['vit-tiny', 'incubation', null, 'eval'],
  ['vit-tiny', 'incubation', 'train', 'train'],
  ['gpt-nano', 'incubation', null, 'eval'],
])('frozen slices of %s under %s, set to %s, are in the mode %s', (model, method, frozenSlices, mode) => {
  expect(modeOf({ model: { name: model }, method: { name: method }, training: { frozenSlices } })).toBe(mode);
});

it('a run keeps what its configuration leaves open, once', () => {
  const settled = settledConfig(runConfigSchema.parse({ model: { name: 'resnet-50' } }));
  expect(settledConfig(settled)).toEqual(settled);
});

it.each(modelNames())('what is said of the statistics of %s is true', (name) => {
  const { model } = runConfigSchema.parse({ model: { name } });
  const tensors = parametersOf(partsOf(buildArchitecture(model, 10)));
  expect(hasStatistics(model)).toBe(tensors.some(({ statistic }) => statistic));
});
