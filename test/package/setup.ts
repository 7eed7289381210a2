import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { npm, runOrThrow } from './run.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The package as npm would publish it. */
    tarball: string
    /** Its files, as paths in the package. */
    files: string[]
  }
}

/** Packs once for all package tests; `prepack` builds what is not up to date. */
export default async function setup(project: TestProject) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-pack-'))
  const output = await runOrThrow(...npm('pack', '--json', '--pack-destination', folder))
  // npm 7 to 10 print a list, later ones an object by name.
  const parsed: unknown = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const [packed] = Object.values(parsed as Record<string, { filename: string; files: { path: string }[] }>)
  project.provide('tarball', join(folder, packed!.filename))
  project.provide(
    'files',
    packed!.files.map((file) => file.path),
  )
  return () => rmSync(folder, { recursive: true, force: true })
}
