// npm start: sets up what is missing, then runs the command's main job. In this very process, so that Ctrl-C reaches it once and its exit code is ours.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { orExit, root, setUp } from './setup.mjs'

await orExit(setUp)
const command = join(root, 'dist/bundle/main.js')
process.argv = [process.execPath, command, 'start', ...process.argv.slice(2)]
await import(pathToFileURL(command).href)
