import type { RunStatus } from '../experiments/experiment.js'
import type { Evaluation } from './checkpoint.js'
import type { DataForm } from './data.js'
import type { TrainSettings } from './settings.js'
import type { Training } from './training.js'

/** What came of a training run, and what results.json holds. */
export interface TrainingResult {
  status: RunStatus
  settings: TrainSettings
  data: { name: string; fingerprint: string }
  kind: DataForm['kind']
  /** Numbers in the network. */
  parameters: number
  /** Done, of those in the settings. */
  steps: number
  /** Spent on steps. */
  seconds: number
  /** Training loss of every step, before its update; of one that diverged the last is null, as JSON has no NaN. */
  losses: (number | null)[]
  evaluations: readonly Evaluation[]
  /** What needs no network, on what is held out. */
  references: readonly { name: string; loss: number }[]
}

export function trainingResult({ settings, data, model, losses, evaluations, seconds, diverged }: Training): TrainingResult {
  const { name, fingerprint, form, references } = data
  return {
    status: diverged ? 'diverged' : losses.length >= settings.steps ? 'finished' : 'stopped',
    settings,
    data: { name, fingerprint },
    kind: form.kind,
    parameters: model.parameters().reduce((sum, p) => sum + p.numel(), 0),
    steps: losses.length,
    seconds,
    losses: losses.map((loss) => (Number.isFinite(loss) ? loss : null)),
    evaluations: [...evaluations],
    references,
  }
}

/** A number a row: step (empty for what has none), measure, value. */
export function trainingCsv({ losses, evaluations, references }: TrainingResult): string {
  const lines = ['step,measure,value']
  for (const [step, loss] of losses.entries()) lines.push(`${step},training_loss,${loss ?? 'NaN'}`)
  for (const { step, loss, accuracy } of evaluations) lines.push(`${step},held_out_loss,${loss}`, `${step},held_out_accuracy,${accuracy}`)
  for (const { name, loss } of references) lines.push(`,${name.replaceAll(' ', '_')}_loss,${loss}`)
  return `${lines.join('\n')}\n`
}
