import { flagsOf, type Route, readSettings, strayNotes } from '../state/url.js'
import { averagesSettings, benchOf, bothModes, channelChart, runOf } from '../studies/averages.js'
import { accuracyChart, sweepCharts, sweepRuns, sweepSettings } from '../studies/batch-size.js'
import { cellsOf, gridSettings } from '../studies/grid.js'
import { gridPicture, gridRows, gridTitle } from '../studies/grid-picture.js'
import type { Outcome, Task } from '../studies/trials.js'
import { benchData } from '../training/data.js'
import { runTrial } from '../training/trial.js'
import { statisticsChart } from '../workbench/figures.js'
import { Track } from '../workbench/track.js'
import { trainTracks } from './bench.js'
import { breath, chartDrawing, type Drawn, type DrawOptions, drawing } from './drawing.js'

/** The studies without a page. */
export async function drawStudy(name: string, { params }: Route, options: DrawOptions): Promise<Drawn> {
  switch (name) {
    case 'grid': {
      const { values, notes } = readSettings(gridSettings, params)
      const cells = cellsOf(values)
      const outcomes = await outcomesOf(cells, options)
      const drawings = values.activations.map((activation) =>
        drawing(gridTitle(values, activation).split(',')[0], gridPicture(values, activation, cells, outcomes), gridRows(cells, outcomes, activation)),
      )
      return { drawings, notes: [...strayNotes(params, flagsOf(gridSettings)), ...notes] }
    }
    case 'batch-size': {
      const { values, notes } = readSettings(sweepSettings, params)
      const runs = sweepRuns(values)
      const outcomes = await outcomesOf(runs, options)
      const charts = [...sweepCharts(values, runs, outcomes), accuracyChart(values, runs, outcomes)]
      const refused = [
        ...new Set(outcomes.flatMap((outcome, i) => (outcome?.problem ? [`${runs[i].norm}, batch size ${runs[i].batchSize}: ${outcome.problem}`] : []))),
      ]
      return { drawings: charts.map((chart) => chartDrawing(chart.title, chart)), notes: [...strayNotes(params, flagsOf(sweepSettings)), ...notes, ...refused] }
    }
    case 'averages': {
      const { values, notes } = readSettings(averagesSettings, params)
      const track = new Track(runOf(values), benchOf(values))
      await trainTracks([track], await benchData(track.bench, null), options)
      const charts = [bothModes(track), channelChart(track, 0, 0, false), statisticsChart(track, 0, null, false), statisticsChart(track, 0, null, true)]
      const drawings = charts.flatMap((chart) => (chart ? [chartDrawing(chart.title, chart)] : []))
      return { drawings, notes: [...strayNotes(params, flagsOf(averagesSettings)), ...notes] }
    }
    default:
      throw new Error(`there is no study ${name}: there are grid, batch-size, averages`)
  }
}

/** What came of each run, as far as there was time; a layer may refuse its batch. */
async function outcomesOf(tasks: readonly Task[], options: DrawOptions): Promise<(Outcome | undefined)[]> {
  const outcomes: (Outcome | undefined)[] = []
  for (const [i, { config, steps }] of tasks.entries()) {
    if (!(await breath(options))) break
    options.onProgress(i / tasks.length, `run ${i + 1} of ${tasks.length}`)
    outcomes.push(
      await runTrial(config, steps).then(
        (trial): Outcome => ({ trial, problem: null }),
        (error: Error): Outcome => ({ trial: null, problem: error.message }),
      ),
    )
  }
  return outcomes
}
