import { defineConfig } from 'vitest/config'

// Tests run against `dist`, which is what gets published: `#src/*` in package.json points there. Build first.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
    maxWorkers: 2,
  },
})
