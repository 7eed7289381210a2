import { chromium } from 'playwright'
import type { TestProject } from 'vitest/node'
import { chromiumArguments, findChromium } from '../../../scripts/chromium.mjs'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser listens. */
    browser: string
  }
}

/** One browser for all files: its start takes as long as many a test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await chromium.launchServer({ executablePath: findChromium(), args: chromiumArguments() })
  project.provide('browser', server.wsEndpoint())
  return () => server.close()
}
