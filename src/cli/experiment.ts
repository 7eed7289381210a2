import os from 'node:os'
import path from 'node:path'
import { type About, csv, report, runExperiment, type Table, toJson, walkthrough } from '../experiments/index.js'
import { ResultFolder } from './folder.js'
import { KeptRuns } from './kept-runs.js'
import type { Request } from './options.js'
import { Progress } from './progress.js'
import { type Output, painter, textTable } from './terminal.js'

export interface Host {
  stdout: Output
  stderr: Output
  env: Readonly<Record<string, string | undefined>>
  /** The command line, for the report. */
  args: readonly string[]
  version: string
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
}

/** The format of results.json; raised where a reader of the old one would go wrong. */
const SCHEMA = 'evenkeel-experiment/1'

type ExperimentRequest = Extract<Request, { kind: 'experiment' }>

/** Makes the runs of an experiment that are not yet made, shows them all and writes them. */
export async function makeExperiment(request: ExperimentRequest, host: Host): Promise<void> {
  const { experiment, settings, force, json } = request
  const { stdout, signal, version } = host
  const talk = json ? host.stderr : stdout
  const begun = new Date()
  const folder = ResultFolder.prepare(request.out, { force, bytes: 2 ** 20, now: begun, mayHold: KeptRuns.isIn })
  const kept = KeptRuns.open(folder.path, experiment, settings, { version, fresh: force })
  if (request.walkthrough) {
    walkthrough((line) => talk.write(`${line}\n`))
    talk.write('\n')
  }
  const paint = painter(talk, host.env)
  const configs = experiment.runs(settings)
  talk.write(`${paint.bold(`${experiment.title}: ${configs.length} run${configs.length === 1 ? '' : 's'}`)}\n${experiment.introduction(settings)}\n`)
  const progress = new Progress(experiment, configs, talk, paint)
  const there = configs.filter((config) => kept.find(config) !== undefined)
  for (const config of there) progress.spare(configs.indexOf(config) + 1)
  if (there.length > 0) talk.write(`${there.length} of the runs ${there.length === 1 ? 'is' : 'are'} there already.\n`)
  const result = await runExperiment(experiment, settings, {
    signal,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    onProgress: (p) => progress.update(p),
    onRun: (run, number) => {
      progress.runEnded(run, number)
      if (run.status !== 'stopped') kept.add(configs[number - 1], run)
    },
    made: (config) => kept.find(config),
  })
  progress.clear()

  if (result.runs.length === 0) {
    folder.remove(...KeptRuns.files)
    talk.write('Stopped before anything was measured; nothing was written.\n')
    return
  }
  const about = describeRun(host, begun)
  const document = `${toJson({ schema: SCHEMA, ...about, environment: environment(), ...result })}\n`
  const findings = result.findings.map(({ claim, verdict, text }) => `• ${verdict ? `${claim} ${paint.bold(verdict.toUpperCase())}. ` : ''}${text}\n`).join('')
  talk.write(`\n${resultTable(experiment.summary(result), paint.bold)}\n\n${findings}${findings && '\n'}`)
  if (!result.complete)
    talk.write(
      `Stopped: ${result.runs.length} of the runs were begun. What was measured is kept; the same command with --out ${relative(folder.path)} goes on.\n`,
    )
  const files = [
    folder.write('results.json', document),
    folder.write('results.csv', csv(experiment, result)),
    folder.write('report.html', report(experiment, result, about)),
  ]
  talk.write(`Written to ${relative(folder.path)}: ${files.map((file) => path.basename(file)).join(', ')}\n`)
  if (json) stdout.write(document)
}

function resultTable({ columns, rows, strong = [] }: Table, bold: (text: string) => string): string {
  const headings = columns.map(({ label, short = [label], numeric = false }) => ({ heading: short, numeric }))
  const cells = rows.map((row) => row.map((cell) => cell ?? '–'))
  return textTable(headings, cells, (row, i) => (strong.includes(i) ? bold(row) : row))
}

export function environment() {
  const cpus = os.cpus()
  return { node: process.version, platform: process.platform, arch: process.arch, cpu: cpus[0]?.model.trim() ?? 'unknown', cores: cpus.length }
}

export function describeRun({ args, version }: Host, begun: Date): About {
  const { node, platform, arch, cpu, cores } = environment()
  const quoted = args.map((arg) => (/^[\w./,:=@%+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`))
  return {
    date: begun.toISOString(),
    version,
    runtime: `Node ${node}`,
    machine: `${cores} x ${cpu}, ${platform} ${arch}`,
    command: ['evenkeel', ...quoted].join(' '),
  }
}

export function relative(folder: string): string {
  const short = path.relative('', folder)
  return short === '' || short.startsWith('..') ? folder : short
}
