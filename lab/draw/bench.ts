import { drawHistograms, histogramRows } from '../charts/histograms.js'
import type { Route } from '../state/url.js'
import { type BenchData, benchData } from '../training/data.js'
import { readOwn } from '../training/own.js'
import { Session } from '../training/session.js'
import { blockHistograms } from '../workbench/block-histograms.js'
import { accuracyChart, deadChart, gapChart, gradientChart, lossChart, statisticsChart } from '../workbench/figures.js'
import { readBench } from '../workbench/state.js'
import { Track } from '../workbench/track.js'
import { breath, chartDrawing, type Drawing, type Drawn, type DrawOptions, drawing } from './drawing.js'

/** The figures of the workbench without a page. */
export async function drawBench({ params }: Route, options: DrawOptions): Promise<Drawn> {
  const { state, notes } = readBench(params, 'digits')
  const { bench } = state
  if (bench.data === 'own' && !options.own) throw new Error('the address is of files of somebody’s own, which it does not carry: give them with --data')
  if (bench.data !== 'own' && options.own) notes.push('The address is not of files of one’s own (data=own): --data is left out.')
  const own = bench.data === 'own' ? await readOwn(options.own ?? []) : null
  if (own && own.kind !== 'pictures' && bench.network === 'cnn') throw new Error('convolutions need pictures: this data asks for network=mlp in the address')
  const runs = state.runs.map((settings) => new Track(settings, bench))
  await trainTracks(runs, await benchData(bench, own), options)
  return { drawings: benchDrawings(runs), notes }
}

/** Trains each in turn, until it has done the steps or diverged, or somebody ends it. */
export async function trainTracks(tracks: readonly Track[], data: BenchData, options: DrawOptions): Promise<void> {
  const { steps, onProgress } = options
  for (const [i, track] of tracks.entries()) {
    const session = new Session({ ...track.bench, ...track.settings }, data)
    while (track.step < steps && !track.divergence) {
      const { record, snapshot, evaluation, divergence } = session.next()
      track.add({ steps: [record], snapshots: snapshot ? [snapshot] : [], evaluations: evaluation ? [evaluation] : [] })
      track.divergence = divergence
      onProgress((i + track.step / steps) / tracks.length, `run ${i + 1} of ${tracks.length}, step ${track.step}`)
      if (!(await breath(options))) return
    }
  }
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
