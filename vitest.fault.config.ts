import { defineConfig } from 'vitest/config';
import standard from './vitest.config.ts';

/** `npm run test:fault`: every fault of the suite, of which `npm test` tries some of each kind. */
export default defineConfig({
  test: {
    ...standard.test,
    include: [
      'test/fault/**/*.test.ts',
      'test/e2e/coordinator/{loader,policies}.test.ts',
      'test/e2e/determinism.test.ts',
      'test/e2e/methods.test.ts',
      'test/e2e/train*.test.ts',
    ],
    env: { FAULTS: 'all' },
    testTimeout: 1_800_000,
  },
});
