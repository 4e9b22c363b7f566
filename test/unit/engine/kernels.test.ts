import { describe, expect, it } from 'vitest';
import { compositions } from '../../../src/engine/compositions/table.ts';
import { kernels } from '../../../src/engine/kernels/table.ts';
import { createOnnxEngine } from '../../../src/engine/onnx-engine.ts';
import { traceProgram } from '../../../src/engine/trace.ts';
import { basicCases, basicProgram, expectBasicCase } from './cases/basic.ts';
import { familyCases } from './cases/table.ts';

describe('every kernel gives the same result traced and eager', () => {
  it.each(basicCases.map((item, index) => [`${item.kernel} (${index})`, item] as const))('%s', async (_, item) => {
    expect(traceProgram(basicProgram(item)).nodes.map(({ kernel }) => kernel)).toContain(item.kernel);
    await expectBasicCase(createOnnxEngine({ threads: 1 }), item);
  });

  it('and no kernel is left out', () => {
    const tested = new Set([...basicCases, ...familyCases].map(({ kernel }) => kernel));
    expect(Object.keys({ ...kernels, ...compositions }).filter((kernel) => !tested.has(kernel))).toEqual([]);
  });
});
