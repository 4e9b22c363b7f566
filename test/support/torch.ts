import { type TestContext, test } from 'vitest';
import type { Engine } from '../../src/engine/program.ts';
import { buildTorchAddon } from '../../src/engine/torch/build.ts';
import { createTorchEngine, type TorchEngineOptions } from '../../src/engine/torch/torch-engine.ts';
import { IncubateError } from '../../src/util/errors.ts';

/**
 * Why the engine torch cannot be tested here; null where it can. It is built where that has not been done and nothing that
 * takes is missing.
 * With REQUIRE_TORCH=1 its absence fails the tests.
 */
export const torchFault: string | null = await buildTorchAddon().then(
  () => null,
  (error: unknown) => {
    if (error instanceof IncubateError && error.code === 'ENVIRONMENT_BUILD') return error.message;
    throw error;
  },
);

/** Threads of the engine in tests: a process has one number. */
export const TORCH_THREADS = 1;

export function torchEngine(options: Partial<TorchEngineOptions> = {}): Promise<Engine> {
  return createTorchEngine({ threads: TORCH_THREADS, device: 'cpu', ...options });
}

/** A test with the engine torch; without it the test is skipped and says so. */
export function torchTest(name: string, body: (engine: Engine, context: TestContext) => Promise<void>): void {
  test(name, async (context) => {
    if (torchFault !== null && process.env.REQUIRE_TORCH === '1') throw new Error(`no torch: ${torchFault}`);
    if (torchFault !== null) context.skip(`no torch: ${torchFault}`);
    await body(await torchEngine(), context);
  });
}
