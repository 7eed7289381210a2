import type { TestProject } from 'vitest/node'
import { program, type Results } from './program.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** What Node computed in this same test run. */
    nodeResults: Results
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('nodeResults', await program())
}
