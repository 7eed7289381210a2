import { experiments, runExperiment } from '../src/experiments/index.js'
import { type Chart, chart as drawChart } from '../src/experiments/report/chart.js'
import { chartRows, csvOf, fileName, type Key, standaloneSvg } from './charts/export.js'
import { drawHistograms, histogramRows } from './charts/histograms.js'
import { flagsOf, parseHash, type Route, readSettings, strayNotes } from './state/url.js'
import { benchData } from './training/data.js'
import { Session } from './training/session.js'
import { blockHistograms } from './workbench/block-histograms.js'
import { accuracyChart, deadChart, gapChart, gradientChart, lossChart, statisticsChart } from './workbench/figures.js'
import { readBench } from './workbench/state.js'
import { Track } from './workbench/track.js'

/** The figures of an address of the lab without a page: what `evenkeel draw` writes. The command imports this module as it is built. */

/** A figure as files. */
export interface Drawing {
  /** A name for files, without an ending. */
  name: string
  svg: string
  csv: string
}

export interface DrawOptions {
  /** Of each run of the workbench. */
  steps: number
  signal: AbortSignal
  /** @param share of the whole, from 0 to 1 */
  onProgress: (share: number, text: string) => void
}

export interface Drawn {
  drawings: Drawing[]
  /** What could not be taken as the address has it. */
  notes: string[]
}

/** @throws Error where the address has no figures */
export async function draw(address: string, options: DrawOptions): Promise<Drawn> {
  const route = parseHash(address.replace(/^[^#]*/, ''))
  const [page, name] = route.path
  if (page === 'workbench') return drawBench(route, options)
  if (page === 'experiments' && name !== undefined) return drawExperiment(name, route, options)
  throw new Error(
    'the address has no figures to draw: it should have #/workbench or #/experiments/NAME, such as http://127.0.0.1:4173/#/workbench?preset=spirals',
  )
}

async function drawBench({ params }: Route, { steps, signal, onProgress }: DrawOptions): Promise<Drawn> {
  const { state, notes } = readBench(params, 'digits')
  const { bench } = state
  if (bench.data === 'own') throw new Error('the address is of files of somebody’s own, which it does not carry')
  const data = await benchData(bench, null)
  const runs = state.runs.map((settings) => new Track(settings, bench))
  for (const [i, run] of runs.entries()) {
    const session = new Session({ ...bench, ...run.settings }, data)
    while (run.step < steps && !run.divergence) {
      const { record, snapshot, evaluation, divergence } = session.next()
      run.add({ steps: [record], snapshots: snapshot ? [snapshot] : [], evaluations: evaluation ? [evaluation] : [] })
      run.divergence = divergence
      onProgress((i + run.step / steps) / runs.length, `run ${i + 1} of ${runs.length}, step ${run.step}`)
      // Lets Ctrl-C in.
      await new Promise((resolve) => setTimeout(resolve))
      if (signal.aborted) return { drawings: benchDrawings(runs), notes }
    }
  }
  return { drawings: benchDrawings(runs), notes }
}

function benchDrawings(runs: readonly Track[]): Drawing[] {
  const withAverages = runs.find((run) => run.settings.norm === 'batch')
  const charts = [
    lossChart(runs, []),
    accuracyChart(runs),
    gapChart(runs),
    gradientChart(runs, null, false),
    gradientChart(runs, null, true),
    deadChart(runs, null),
    withAverages && statisticsChart(withAverages, 0, null, false),
    withAverages && statisticsChart(withAverages, 0, null, true),
  ]
  const histograms = blockHistograms(runs, null, { block: 0, side: 'into', symlog: false, form: 'ridge' }).map((one) =>
    drawing(one.title, drawHistograms(one), histogramRows(one.rows)),
  )
  return [...charts.flatMap((chart) => (chart ? [chartDrawing(chart.title, chart)] : [])), ...histograms]
}

async function drawExperiment(name: string, { params }: Route, { signal, onProgress }: DrawOptions): Promise<Drawn> {
  const experiment = experiments.find((e) => e.name === name)
  if (!experiment) throw new Error(`there is no experiment ${name}: there are ${experiments.map((e) => e.name).join(', ')}`)
  const { values, notes } = readSettings(experiment.settings, params)
  const result = await runExperiment(experiment, values, {
    signal,
    onProgress: ({ run, runs, step, steps }) => onProgress((run - 1 + step / Math.max(1, steps)) / runs, `run ${run} of ${runs}`),
  })
  const drawings = experiment
    .figures(result)
    .flatMap(({ id, charts }) => charts.map((chart) => chartDrawing(charts.length > 1 ? `${id} ${chart.title}` : id, chart)))
  if (drawings.length === 0) throw new Error(`the experiment ${name} has tables and no charts: evenkeel experiment ${name} writes them`)
  return { drawings, notes: [...strayNotes(params, flagsOf(experiment.settings)), ...notes] }
}

const chartDrawing = (name: string, chart: Chart): Drawing => drawing(name, drawChart(chart), chartRows(chart), chart.series)

const drawing = (
  name: string,
  svg: string,
  { header, rows }: { header: readonly string[]; rows: readonly (readonly (string | number)[])[] },
  keys: readonly Key[] = [],
): Drawing => ({
  name: fileName(name),
  svg: standaloneSvg(svg, keys),
  csv: csvOf(header, rows),
})
