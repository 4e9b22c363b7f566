import { describe, expect, it } from 'vitest';
import { kernels } from '../../../src/engine/kernels/table.ts';
import { torchLowerings } from '../../../src/engine/torch/lowerings/table.ts';
import { expectEqualOnBothEngines, expectGradientsOfDifferences } from '../../support/compare-engines.ts';
import { torchTest } from '../../support/torch.ts';
import { basicCases, expectBasicCase } from './cases/basic.ts';
import { familyCases } from './cases/table.ts';

it('every kernel has operations of the addon', () => {
  expect(Object.keys(kernels).filter((kernel) => !(kernel in torchLowerings))).toEqual([]);
});

describe('on torch every kernel has the results of tfjs', () => {
  for (const [index, item] of basicCases.entries())
    torchTest(`${item.kernel} (${index})`, (engine) => expectBasicCase(engine, item));

  for (const item of familyCases) {
    torchTest(`${item.kernel}: ${item.name}`, async (engine) => {
      await expectEqualOnBothEngines(item, item.gradient !== 'none', engine);
      if (item.gradient === 'differences') await expectGradientsOfDifferences(item, engine);
    });
  }
});
