import { defineConfig } from 'vitest/config';
import standard from './vitest.config.ts';

/** `npm run test:fault`: every fault, and every case, of the tests of which `npm test` tries some. */
export default defineConfig({
  test: {
    ...standard.test,
    include: [
      'test/conformance/tfjs-core.test.ts',
      'test/fault/**/*.test.ts',
      'test/property/engine/{blocks,lowerings}.test.ts',
      'test/e2e/cli/completion.test.ts',
      'test/e2e/coordinator/{loader,lock,policies}.test.ts',
      'test/e2e/{determinism,gpu-bench,leaks,methods,stages,train*}.test.ts',
      'test/unit/engine/{torch,torch-replay}.test.ts',
      'test/unit/training/{gradients,local-losses,loss-scaling,methods,recompute,traced-and-eager}.test.ts',
    ],
    env: { FAULTS: 'all' },
    testTimeout: 1_800_000,
  },
});
