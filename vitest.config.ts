import { defineConfig } from 'vitest/config';

// Real parts (clusters, child processes) share two cores, so files run a few at a time and may take a while to start.
export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
