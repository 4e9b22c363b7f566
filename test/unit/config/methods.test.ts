import { expect, it } from 'vitest';
import { hasSetting, type MethodName } from '../../../src/config/methods.ts';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { settings } from '../../../src/config/settings.ts';

const asynchronous = 'method.updates=asynchronous';
const plain = ['training.mixup=0', 'training.cutmix=0'];

it.each<[readonly string[], string]>([
  [['method.name=infopro', 'method.infopro.loss=contrast', 'training.mixup=0.8'], 'training.mixup and training.cutmix'],
  [['method.name=infopro', 'method.infopro.loss=contrast', 'data.format=text', ...plain], 'the data is text'],
  [['method.name=imitation', 'method.downstream=trained'], 'method.downstream trained'],
  [['method.moduleData=disjoint', 'data.sharing=batches'], 'data.sharing batches'],
  [['method.name=gstack', 'division.metaWidth=0.5'], 'division.metaWidth 0.5'],
  [['method.initialise=meta', 'division.metaWidth=2'], 'division.metaWidth 2'],
  [['method.name=dgl', asynchronous, 'training.accumulate=2'], 'training.accumulate 2'],
  [['method.name=infopro', asynchronous, 'training.precision=fp16', 'devices.engine=torch'], 'fp16'],
  [['method.name=greedy', asynchronous, 'execution.onNonFinite=skip'], 'skip a step'],
])('refuses %o', async (sets, message) => {
  await expect(resolveConfig({ sets })).rejects.toMatchObject({
    code: 'CONFIG_VALUE',
    message: expect.stringContaining(message),
    hint: expect.stringMatching(/^(?:Set|Leave|Choose)/),
  });
});

it.each<[readonly string[]]>([
  [['method.name=infopro', 'method.infopro.loss=contrast', ...plain]],
  // What a method does not look at may stand in a file that others share.
  [['method.name=e2e', 'method.infopro.loss=contrast', 'method.downstream=trained', 'training.mixup=0.8']],
  [['method.name=dgl', 'method.initialise=meta', 'division.metaWidth=2']],
  [['method.name=dgl', asynchronous, 'execution.onNonFinite=rollback']],
  [['method.name=e2e', asynchronous, 'training.accumulate=2', 'execution.onNonFinite=skip']],
  [['method.name=incubation', 'method.downstream=trained', 'method.moduleData=disjoint', 'division.metaWidth=0.5']],
])('accepts %o', async (sets) => {
  const { config } = await resolveConfig({ sets });
  expect(config.method.name).toBe(sets[0]?.slice('method.name='.length));
});

it('is chosen by a flag', async () => {
  const { config, origins } = await resolveConfig({ flags: { method: 'dgl' } });
  expect(config.method.name).toBe('dgl');
  expect(origins['method.name']).toBe('--method');
});

it('knows the settings that a method has a part for', () => {
  const ofMethod = (method: MethodName) =>
    [...settings.keys()].filter((key) => /^(method|division)\./.test(key) && hasSetting(method, key));
  expect(ofMethod('e2e')).toEqual(['method.name']);
  expect(ofMethod('dgl')).toEqual([
    'division.modules',
    'division.depths',
    'division.balance',
    'method.name',
    'method.updates',
    'method.replayBuffer',
  ]);
  expect(ofMethod('gstack').filter((key) => key.startsWith('method.'))).toEqual(['method.name']);
  expect(ofMethod('imitation')).toContain('method.imitation.loss');
  expect(ofMethod('incubation').filter((key) => key.startsWith('method.'))).toEqual([
    'method.name',
    'method.downstream',
    'method.moduleData',
    'method.initialise',
    'method.ends',
  ]);
});
