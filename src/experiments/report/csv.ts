import type { Experiment, Result } from '../experiment.js'

/**
 * All numbers as one table, one a row: the run's configuration, then step, layer (empty for the network as a whole), measure and value. A figure
 * of a whole run has no step. What a run diverged with is a row, too.
 */
export function csv(experiment: Experiment, { settings, runs }: Result): string {
  const configs = experiment.runs(settings)
  const names = [...new Set(configs.flatMap((config) => Object.keys(config)))]
  const lines = [[...names.map(snakeCase), 'step', 'layer', 'measure', 'value'].join(',')]
  for (const [i, run] of runs.entries()) {
    const start = names.map((name) => field(Reflect.get(configs[i], name))).join(',')
    for (const { step, layer, measure, value } of experiment.measures(run)) {
      if (value !== null) lines.push(`${start},${field(step)},${field(layer)},${measure},${value}`)
    }
    if (run.divergence) lines.push(`${start},${run.divergence.step},${field(run.divergence.where)},diverged,${field(run.divergence.loss)}`)
  }
  return `${lines.join('\n')}\n`
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Lists have spaces between their entries. */
function field(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
