import os from 'node:os'
import path from 'node:path'
import { loadDigits } from '../data/index.js'
import { type About, type CompareResult, compare, csv, isBest, report, resultColumns, walkthrough } from '../experiments/index.js'
import { normLabel } from '../models/index.js'
import { ResultFolder } from './folder.js'
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
const SCHEMA = 'evenkeel-compare/1'

/** Runs a comparison, shows it and writes it. */
export async function runComparison(request: Extract<Request, { kind: 'compare' }>, host: Host): Promise<void> {
  const { settings, json } = request
  const { stdout, signal } = host
  const talk = json ? host.stderr : stdout
  const begun = new Date()
  const folder = ResultFolder.prepare(request.out, { force: request.force, bytes: estimatedBytes(request), now: begun })
  if (request.walkthrough) {
    walkthrough((line) => talk.write(`${line}\n`))
    talk.write('\n')
  }
  const paint = painter(talk, host.env)
  talk.write(`${paint.bold(introduction(request))}\n`)
  const progress = new Progress(settings, talk, paint)
  const data = await loadDigits({ size: settings.imageSize })
  const result = await compare(settings, data, {
    signal,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    onProgress: (p) => progress.update(p),
    onRun: (run, number) => progress.runEnded(run, number),
  })
  progress.clear()

  if (result.runs.every(({ losses }) => losses.length === 0)) {
    folder.removeIfEmpty()
    talk.write('Stopped before anything was measured; nothing was written.\n')
    return
  }
  const about = describeRun(host, begun)
  const document = `${JSON.stringify({ schema: SCHEMA, ...about, environment: environment(), ...result })}\n`
  const findings = result.findings.map((finding) => `• ${finding}\n`).join('')
  talk.write(`\n${resultTable(result, paint.bold)}\n\n${findings}${findings && '\n'}`)
  if (!result.complete) talk.write(`Stopped: ${result.runs.length} of the runs were begun. What was measured is kept.\n`)
  const files = [folder.write('results.json', document), folder.write('results.csv', csv(result)), folder.write('report.html', report(result, about))]
  talk.write(`Written to ${relative(folder.path)}: ${files.map((file) => path.basename(file)).join(', ')}\n`)
  if (json) stdout.write(document)
}

function introduction({ settings }: Extract<Request, { kind: 'compare' }>): string {
  const { norms, batchSizes, learningRates, samples, imageSize } = settings
  const runs = norms.length * batchSizes.length * learningRates.length
  return `Training a network on handwritten digits (${imageSize} x ${imageSize}): ${runs} run${runs === 1 ? '' : 's'} of ${samples.toLocaleString('en-US')} images each`
}

/** Rows of a run's length in the CSV and in the JSON, and the page. */
function estimatedBytes({ settings }: Extract<Request, { kind: 'compare' }>): number {
  const { norms, batchSizes, learningRates, samples } = settings
  const steps = batchSizes.reduce((sum, size) => sum + Math.floor(samples / size), 0) * norms.length * learningRates.length
  return 2 ** 20 + Math.min(2 ** 28, steps * 80)
}

function resultTable(result: CompareResult, bold: (text: string) => string): string {
  const columns = resultColumns(result).filter(({ label }) => label !== 'Steps' || result.runs.some(({ status }) => status !== 'finished'))
  const headings = [{ heading: ['norm'], numeric: false }, ...columns.map(({ short }) => ({ heading: short, numeric: true }))]
  const rows = result.runs.map((run) => [normLabel(run.norm), ...columns.map(({ value }) => value(run) ?? '–')])
  return textTable(headings, rows, (row, i) => (isBest(result.runs[i], result) ? bold(row) : row))
}

function environment() {
  const cpus = os.cpus()
  return { node: process.version, platform: process.platform, arch: process.arch, cpu: cpus[0]?.model.trim() ?? 'unknown', cores: cpus.length }
}

function describeRun({ args, version }: Host, begun: Date): About {
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

function relative(folder: string): string {
  const short = path.relative('', folder)
  return short === '' || short.startsWith('..') ? folder : short
}
