// Runs a TypeScript program of the repository from its sources: node scripts/run.mjs FILE [ARGUMENTS]
// Sets up what is missing first; a program whose folder has a package.json of its own gets its dependencies too.
// In this very process, so that Ctrl-C reaches the program once and its exit code is ours.

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureDependencies, orExit, root, setUpSources } from './setup.mjs'

const [file, ...args] = process.argv.slice(2)
const program = resolve(root, file)
const folder = dirname(program)
await orExit(setUpSources, () => (existsSync(join(folder, 'package.json')) ? ensureDependencies(folder) : undefined))
process.env.TSX_TSCONFIG_PATH = join(root, 'tsconfig.json')
const { register } = await import('tsx/esm/api')
register()
process.argv = [process.execPath, program, ...args]
await import(pathToFileURL(program).href)
