import { mkdirSync, writeFileSync } from 'node:fs'
import { storedRuns } from '../../lab/training/stored.js'
import { readBench } from '../../lab/workbench/state.js'
import { firstPresets, firstRunsFile } from './first-runs.js'

// npm run first-runs: writes what the workbench shows before its own runs have begun, from the trainer itself. first-runs.test.ts holds the two together.
const stored = Object.fromEntries(
  await Promise.all(firstPresets.map(async (preset) => [preset, await storedRuns(readBench(new Map([['preset', preset]]), preset).state)])),
)
mkdirSync(new URL('.', firstRunsFile), { recursive: true })
writeFileSync(firstRunsFile, `${JSON.stringify(stored)}\n`)
