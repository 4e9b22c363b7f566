import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/scratch.ts'],
    // Far above what anything takes: whole runs share two cores with other test files, on machines that are busy.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // Some tests mostly wait.
    maxWorkers: 3,
    // Files share what they import: loading the engines anew for each of two hundred takes minutes.
    isolate: false,
  },
});
