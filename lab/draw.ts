import { experiments, runExperiment } from '../src/experiments/index.js'
import { drawAxes } from './draw/axes.js'
import { drawBench } from './draw/bench.js'
import { chartDrawing, type Drawn, type DrawOptions } from './draw/drawing.js'
import { drawStudy } from './draw/studies.js'
import { lessons } from './lessons/lessons.js'
import { flagsOf, parseHash, type Route, readSettings, strayNotes } from './state/url.js'

/** The figures of an address of the lab without a page: what `evenkeel draw` writes. The command imports this module as it is built. */

/** @throws Error where the address has no figures */
export async function draw(address: string, options: DrawOptions): Promise<Drawn> {
  const route = parseHash(address.replace(/^[^#]*/, ''))
  const [page, name] = route.path
  if (page === undefined && address.includes('#')) return drawAxes(route)
  if (page === 'workbench') return drawBench(route, options)
  if (page === 'studies') return drawStudy(name ?? 'grid', route, options)
  if (page === 'experiments' && name !== undefined) return drawExperiment(name, route, options)
  if (page === 'lessons' && name !== undefined) return drawLesson(name, options)
  if (page === 'advise') throw new Error('advice is words and no figure: evenkeel advise writes it')
  throw new Error(
    'the address has no figures to draw: it should have #/ (the axes), #/workbench, #/studies/NAME, #/experiments/NAME or #/lessons/NAME, such as http://127.0.0.1:4173/#/workbench?preset=spirals',
  )
}

/** A lesson's figures are those of the experiment that it runs. */
function drawLesson(id: string, options: DrawOptions): Promise<Drawn> {
  const lesson = lessons.find((one) => one.id === id)
  if (!lesson) throw new Error(`there is no lesson ${id}: there are ${lessons.map((one) => one.id).join(', ')}`)
  return drawExperiment(lesson.experiment, { path: [], params: new Map(Object.entries(lesson.flags)) }, options)
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
