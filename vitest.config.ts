import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** What every project has: generous time-outs that only stop hangs. */
const shared = { testTimeout: 60_000, hookTimeout: 60_000, environment: 'node' as const }

export default defineConfig({
  test: {
    // Many tests wait for sockets and processes: on two cores one worker would idle half of the time. A notification server of others
    // may stop for ever when ten clients subscribe at once.
    maxWorkers: process.env.NTF_SERVER ? 2 : Math.max(2, availableParallelism()),
    globalSetup: 'scripts/postgres-setup.mjs',
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'examples/*/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
        },
      },
      { test: { ...shared, name: 'integration', include: ['packages/*/integration/**/*.test.ts'] } },
      { test: { ...shared, name: 'repository', include: ['tests/**/*.test.ts', 'scripts/**/*.test.ts'] } },
    ],
  },
})
