// npm start: sets up what is missing, then runs the command's main job. In this very process, so that Ctrl-C reaches it once and its exit code is ours.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setUpOrExit } from './setup.mjs'

await setUpOrExit()
const command = join(root, 'dist/cli/main.js')
process.argv = [process.execPath, command, 'start', ...process.argv.slice(2)]
await import(pathToFileURL(command).href)
