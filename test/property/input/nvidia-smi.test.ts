import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseGpuList } from '../../../src/coordinator/gpus.ts';
import { findGpu, restrictToVisible } from '../../../src/coordinator/visible-gpus.ts';

const cell = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '00',
    '-1',
    '1e9',
    '99999',
    'GPU-0a1b2c3d',
    'GPU-',
    'MIG-1',
    'NVIDIA H200',
    '[N/A]',
    '143771',
    '',
  ),
  fc.string({ maxLength: 6, unit: 'binary' }),
);
const line = fc.oneof(
  fc.constantFrom('0, GPU-0a1b2c3d, NVIDIA H200, 143771', '1,GPU-1,Orin,[N/A]'),
  fc.array(cell, { maxLength: 6 }).map((cells) => cells.join(', ')),
);
const csv = fc.oneof(
  fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n')),
  fc.string({ unit: 'binary' }),
);

test('any output is a list of GPUs, or a reason why there are none', () => {
  let listed = 0;
  fc.assert(
    fc.property(csv, (output) => {
      const { gpus, reason } = parseGpuList(output);
      expect(gpus.length > 0).toBe(reason === undefined);
      if (reason !== undefined) expect(reason.length).toBeLessThan(200);
      for (const { index, uuid, name, memoryMiB } of gpus) {
        listed += 1;
        expect(Number.isInteger(index) && index >= 0).toBe(true);
        expect(uuid).toMatch(/^GPU-[\w-]+$/);
        expect(name).not.toBe('');
        expect(memoryMiB >= 0 && Number.isFinite(memoryMiB)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
  expect(listed).toBeGreaterThan(0);
});

test('a whole list is read as it was written, whatever the spaces', () => {
  const gpu = fc.record({
    index: fc.nat(99),
    uuid: fc.uuid().map((id) => `GPU-${id}`),
    name: fc.constantFrom('NVIDIA H100 80GB HBM3', 'Tesla T4', 'Ω'),
    memoryMiB: fc.integer({ min: 1, max: 1_000_000 }),
  });
  const space = fc.constantFrom('', ' ', '\t', '  ');
  fc.assert(
    fc.property(
      fc.array(gpu, { minLength: 1, maxLength: 8 }),
      space,
      fc.constantFrom('\n', '\r\n', '\n\n'),
      (gpus, gap, end) => {
        const output = gpus.map((one) => Object.values(one).join(`,${gap}`)).join(end);
        expect(parseGpuList(output)).toEqual({ gpus });
      },
    ),
    { numRuns: 300 },
  );
});

test('CUDA_VISIBLE_DEVICES of any kind leaves some of the GPUs, each once, or a reason', () => {
  const gpus = [0, 1, 2].map((index) => ({ index, uuid: `GPU-${index}a1b2c3d`, name: 'x', memoryMiB: 1 }));
  const entry = fc.oneof(
    fc.constantFrom('0', '1', '2', '3', '-1', 'GPU-0a', 'GPU-', '', ' 1 ', 'MIG-x'),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const survey = restrictToVisible({ gpus }, entries.join(','));
      expect(new Set(survey.gpus).size).toBe(survey.gpus.length);
      for (const gpu of survey.gpus) expect(findGpu(gpus, gpu.index)).toBe(gpu);
      expect(survey.gpus.length > 0).toBe(survey.reason === undefined);
    }),
    { numRuns: 300 },
  );
});
