import { configDefaults, defineConfig } from 'vitest/config'

const full = process.env.TIDINGS_FULL === '1'
// A hub that a test starts would refuse it as a setting it does not know.
delete process.env.TIDINGS_FULL

// Tests run against `dist`, which is what gets published: `#src/*` in package.json points there. Build first.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // What takes minutes runs with `npm run test:full`.
    exclude: [...configDefaults.exclude, ...(full ? [] : ['**/*.full.test.ts'])],
    setupFiles: ['test/fixtures/no-error-lost.ts'],
    // Not a judgement on speed: they end what hangs.
    testTimeout: full ? 600_000 : 150_000,
    hookTimeout: full ? 600_000 : 150_000,
    expect: { poll: { timeout: 60_000 } },
    server: { deps: { external: [/\/dist\//] } },
    maxWorkers: 2,
  },
})
