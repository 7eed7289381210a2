import { parseArgs } from 'node:util'
import { nearestName } from '../src/core/errors.js'
import { attention } from './attention.js'
import { cnn } from './cnn.js'
import { elementwise } from './elementwise.js'
import { gpt } from './gpt.js'
import { norms } from './norms.js'
import { overhead } from './overhead.js'
import { type PeerName, peerNames } from './peers.js'
import { products } from './products.js'
import { recurrent } from './recurrent.js'
import { reportPath } from './report.js'
import type { Workload } from './workload.js'

/** The command's options. */

export const workloads: readonly Workload[] = [...norms, ...products, ...cnn, ...attention, ...recurrent, ...gpt, ...elementwise, ...overhead]
export const defaultPeers: readonly PeerName[] = ['jax', 'tfjs', 'torch']

export const usage = `Usage: npm run bench [-- OPTIONS]
  --only NAME,...          workloads, also by their beginning; default: all
  --peers jax,tfjs,torch   what to compare with; torch128 is PyTorch limited to 128-bit vectors, '' nothing
  --torch-python COMMAND   a Python with torch; default: python3 or python, where they have it
  --threads 1,2            numbers of threads, each for itself and PyTorch; the other peers have one; default 1
  --seconds S              for each workload, default 3
  --json FILE              writes the medians in ms
  --report                 measures all, what 2 threads give and what an element costs, and writes ${reportPath};
                           goes on where one was interrupted in the last hour
Ctrl-C ends after what is being measured, with what there is; a second one at once.
Workloads: ${workloads.map((w) => w.name).join(', ')}`

export class UsageError extends Error {}

const words = (text: string): string[] => text.split(',').filter((n) => n !== '')

function unknown(what: string, name: string, all: readonly string[]): UsageError {
  return new UsageError(`unknown ${what} '${name}', did you mean '${nearestName(name, all) ?? all[0]}'?`)
}

function choosePeers(text: string | undefined): readonly PeerName[] {
  if (text === undefined) return defaultPeers
  return words(text).map((name) => {
    const found = peerNames.find((n) => n === name)
    if (!found) throw unknown('peer', name, peerNames)
    return found
  })
}

function chooseWorkloads(text: string | undefined): readonly Workload[] {
  if (text === undefined) return workloads
  const names = workloads.map((w) => w.name)
  const wanted = words(text)
  for (const name of wanted) if (!names.some((n) => n.startsWith(name))) throw unknown('workload', name, names)
  return workloads.filter((w) => wanted.some((name) => (names.includes(name) ? w.name === name : w.name.startsWith(name))))
}

/** @throws UsageError or parseArgs's TypeError, both with a text for the user */
export function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      'torch-python': { type: 'string' },
      threads: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'string' },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new UsageError(`--seconds must be a positive number, got '${values.seconds}'`)
  const threads = words(values.threads).map(Number)
  if (threads.length === 0 || !threads.every((n) => Number.isInteger(n) && n >= 1))
    throw new UsageError(`--threads must be numbers such as 1,2, got '${values.threads}'`)
  if (values.report && values.threads !== '1') throw new UsageError('--report measures one thread, and then what two give, so it takes no --threads')
  if (values.report && values.only !== undefined) throw new UsageError('--report writes about all workloads, so it takes no --only')
  return { ...values, threads, seconds, python: values['torch-python'] ?? null, chosen: chooseWorkloads(values.only), peers: choosePeers(values.peers) }
}
