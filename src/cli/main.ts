#!/usr/bin/env node
import fs from 'node:fs'
import { walkthrough } from '../experiments/index.js'

import { runAdvise } from './advise.js'
import { UsageError } from './command-line.js'
import { runDoctor } from './doctor.js'
import { runDraw } from './draw.js'
import { type Host, makeExperiment } from './experiment.js'
import { commandHelp, generalHelp } from './help.js'
import { offerLab, runLab } from './lab.js'
import { parse } from './options.js'
import { runSample } from './sample.js'
import { runTraining } from './train.js'

const FAILED = 1
const WRONG_USAGE = 2
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const

/** The first Ctrl-C asks for an end that keeps what was measured, the second ends at once. */
function interruption(words = 'Stopping after this step, to keep what was measured. Once more to end at once.'): {
  signal: AbortSignal
  exitCode: () => number
} {
  const controller = new AbortController()
  let code = 0
  for (const [name, number] of Object.entries(signalNumbers)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number)
      code = 128 + number
      process.stderr.write(`\n${words}\n`)
      controller.abort()
    })
  }
  return { signal: controller.signal, exitCode: () => code }
}

async function main(args: readonly string[]): Promise<number> {
  const request = parse(args)
  const { version }: { version: string } = JSON.parse(fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  switch (request.kind) {
    case 'help':
      process.stdout.write(request.command ? commandHelp(request.command) : generalHelp())
      return 0
    case 'version':
      process.stdout.write(`${version}\n`)
      return 0
    case 'advise':
      runAdvise(request.settings, request.json, process.stdout, process.env)
      return 0
    case 'walkthrough':
      walkthrough((line) => process.stdout.write(`${line}\n`))
      return 0
    case 'doctor':
      return runDoctor(request.settings, process.stdout, process.env) ? FAILED : 0
    case 'lab': {
      const { signal, exitCode } = interruption('Stopping. Once more to end at once.')
      await runLab(request.settings, process.stdout, process.env, signal)
      return exitCode()
    }
    case 'draw': {
      const { signal, exitCode } = interruption('Stopping after this step, to draw what there is. Once more to end at once.')
      await runDraw(request.settings, process.stdout, process.stderr, signal)
      return exitCode()
    }
    case 'sample':
      runSample(request.request, process.stdout)
      return 0
    case 'train': {
      const { signal, exitCode } = interruption()
      const host: Host = { stdout: process.stdout, stderr: process.stderr, env: process.env, args, version, signal }
      return (await runTraining(request.request, host)) ? exitCode() : FAILED
    }
    case 'experiment': {
      const { signal, exitCode } = interruption()
      const host: Host = { stdout: process.stdout, stderr: process.stderr, env: process.env, args, version, signal }
      await makeExperiment(request, host)
      if (request.walkthrough && !signal.aborted) await offerLab(process.stdout, process.env, signal)
      return exitCode()
    }
  }
}

// A reader that has gone away, as `head` does, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : FAILED))
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const usage = error instanceof UsageError
  const hint = usage ? ' See evenkeel --help.' : ''
  process.stderr.write(`evenkeel: ${error instanceof Error ? error.message : String(error)}${hint}\n`)
  process.exitCode = usage ? WRONG_USAGE : FAILED
}
