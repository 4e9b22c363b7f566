import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { thorough } from '../support/faults.ts';
import { torchFault } from '../support/torch.ts';
import { cpuExceptions, exceptions } from './exceptions.ts';
import { bundleSpecs, type Spec, type SpecBundle } from './run-specs.ts';

let bundle: SpecBundle;
beforeAll(async () => {
  bundle = await bundleSpecs();
});
afterAll(() => bundle.remove());

/** Specs that pass; more is better. Constants that are no numbers are refused. */
const passing = { feeds: 3694, constants: 3580 } as const;

describe.each(['feeds', 'constants'] as const)(
  'specs of tfjs-core whose tensors are %s of a traced program',
  (givenAs) => {
    it.for([
      ['cpu', { ...exceptions, ...cpuExceptions }],
      ['torch', exceptions],
    ] as const)('pass on %s where programs have what they need', async ([engine, known], { skip }) => {
      if (engine === 'torch') skip(torchFault !== null, `no torch: ${torchFault}`);
      // What differs with constants is done before any engine, and short.
      skip(givenAs === 'constants' && !thorough, 'npm run test:fault tries it');
      const specs = await bundle.run(engine, givenAs);
      const passed = specs.filter(({ status }) => status === 'passed');
      const failed = specs.filter(({ status, message }) => status === 'failed' && lackOf(message) === undefined);
      console.info(
        `${passed.length} specs of tfjs-core pass on ${engine} as ${givenAs}, ${failed.length} do not; ${lacks(specs)}`,
      );
      expect(Object.fromEntries(failed.map(({ name, message }) => [nameOf(name, engine), message]))).toEqual(
        Object.fromEntries(Object.keys(known).map((name) => [name, expect.any(String)])),
      );
      expect(passed.length).toBeGreaterThanOrEqual(passing[givenAs]);
    });
  },
);

/** Without the environment's name. */
const nameOf = (name: string, engine: string) => name.replace(` ${engine} {}`, ' {}');

/** What a spec needs that programs do not have: a kernel, a type of tensors, or images with their channels first. */
function lackOf(message: string): string | undefined {
  const [, kernel, type] = /Kernel '(\w+)' not registered|cannot hold tensors of type (\w+)/.exec(message) ?? [];
  if (kernel !== undefined) return kernel;
  if (type !== undefined) return `${type} tensors`;
  if (/computes with a constant that is NaN/.test(message)) return 'constants that are no numbers';
  if (/Failed to decode the string bytes/.test(message)) return 'string tensors';
  return /images must be \[batch, height, width, channels\]/.test(message) ? 'images of other layouts' : undefined;
}

function lacks(specs: readonly Spec[]): string {
  const counts = new Map<string, number>();
  for (const { status, message } of specs) {
    const lack = status === 'failed' ? lackOf(message) : undefined;
    if (lack !== undefined) counts.set(lack, (counts.get(lack) ?? 0) + 1);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const listed = [...counts].sort(([, a], [, b]) => b - a).map(([lack, count]) => `${lack} ${count}`);
  return `${total} need what programs do not have: ${listed.join(', ')}`;
}
