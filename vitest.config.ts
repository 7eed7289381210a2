import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { chromiumArguments, findChromium } from './scripts/chromium.mjs'

// Tests and examples import the package by its own name where they stand for a user's code; here that means the sources.
const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))
const alias = [
  { find: /^evenkeel$/, replacement: source('index.ts') },
  { find: /^evenkeel\/node$/, replacement: source('node.ts') },
]

// A guard against hanging, not a measure of speed: machines that run this are slow and shared.
const timeout = 120_000

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          environment: 'node',
          // Test files run side by side already: more threads only where a test asks for them.
          env: { OMP_NUM_THREADS: '1' },
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/package/**', 'test/lab/page/**'],
          setupFiles: 'test/fast-check.ts',
          testTimeout: timeout,
          hookTimeout: timeout,
        },
      },
      {
        // The lab as it is built, in a browser that the tests drive as a person would. One file at a time: each trains networks.
        resolve: { alias },
        test: {
          name: 'lab',
          environment: 'node',
          include: ['test/lab/page/**/*.test.ts'],
          fileParallelism: false,
          // What the files import is read once.
          isolate: false,
          globalSetup: 'test/lab/page/browser.ts',
          // Under load a page is tens of times as slow.
          testTimeout: 3 * timeout,
          hookTimeout: timeout,
          expect: { poll: { timeout: 30_000, interval: 50 } },
        },
      },
      {
        // What users install: the packed package, not the sources. `npm test` builds it first.
        test: {
          name: 'package',
          environment: 'node',
          include: ['test/package/**/*.test.ts'],
          globalSetup: 'test/package/setup.ts',
          testTimeout: timeout,
          hookTimeout: timeout,
        },
      },
      {
        resolve: { alias },
        // Without these two headers a page has no SharedArrayBuffer, and the kernels' memory could not be shared with workers.
        server: { headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } },
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: 'test/browser/node-results.ts',
          testTimeout: timeout,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: findChromium(), args: chromiumArguments() } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
})
