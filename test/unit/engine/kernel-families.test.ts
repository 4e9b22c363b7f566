import { expect, it } from 'vitest';
import { traceProgram } from '../../../src/engine/trace.ts';
import { expectEqualOnBothEngines, expectGradientsOfDifferences, programOf } from '../../support/compare-engines.ts';
import { familyCases } from './cases/table.ts';

it.each(familyCases.map((item) => [item.kernel, item.name, item] as const))('%s: %s', async (kernel, _, item) => {
  const ran = await expectEqualOnBothEngines(item, item.gradient !== 'none');
  if (item.gradient === 'differences') await expectGradientsOfDifferences(item);
  const { nodes } = traceProgram(programOf(item, item.gradient !== 'none'));
  expect([...ran, ...nodes.map((node) => node.kernel)]).toContain(kernel);
});
