import { ValueError } from '../core/errors.js'
import { type Norm, normNames, someNorms } from '../experiments/norms.js'
import { choice, completeSettings, flagOf, integer, positive, type SettingsOf, seed } from '../experiments/settings.js'
import type { CharCell } from '../models/index.js'
import { type ModelName, recipes } from './recipes.js'

const labels = Object.fromEntries(Object.entries(recipes).map(([name, { label }]) => [name, label])) as Record<ModelName, string>
const allNorms = Object.keys(normNames) as Norm[]
const { norm, steps, batchSize, lr, context } = recipes.charlm.defaults
const ownDefault = 'each model has its own default'

/** What decides every number of a training run, beside its data. The defaults are those of the character model; each model has its own. */
export const trainSettings = {
  model: choice({ default: 'charlm', label: 'model', help: 'What is trained', choices: labels }),
  norm: choice<Norm>({ default: norm, label: 'norm', help: `The normalization in it; ${ownDefault}`, choices: someNorms(...allNorms) }),
  cell: choice<CharCell>({
    default: 'lstm',
    label: 'cell',
    help: 'The recurrent layer of charlm',
    choices: { lstm: 'LSTM', gru: 'GRU', rnn: 'RNN' },
  }),
  steps: integer({ default: steps, min: 1, max: 10_000_000, label: 'steps', help: `Updates of the weights; ${ownDefault}` }),
  batchSize: integer({ default: batchSize, min: 1, max: 65_536, label: 'batch size', help: `Sequences or images in a step; ${ownDefault}` }),
  lr: positive({ default: lr, label: 'learning rate', help: `Of AdamW, behind a warm-up; ${ownDefault}` }),
  context: integer({ default: context, min: 1, max: 4096, label: 'context', help: 'Characters in a sequence, for models of text' }),
  seed: seed(),
}

export type TrainSettings = SettingsOf<typeof trainSettings>

/**
 * The given settings, and the model's own defaults for those left out.
 * @throws TypeError for an unknown name, ValueError for a value that is not allowed or that the model can't have
 */
export function completeTrainSettings(given: Partial<TrainSettings>): TrainSettings {
  const { model } = completeSettings('train', trainSettings, given)
  const recipe = recipes[model]
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const settings = completeSettings('train', trainSettings, { model, ...recipe.defaults, ...chosen })
  if (!recipe.norms.includes(settings.norm)) throw new ValueError(`${model} takes no norm '${settings.norm}'. Its norms: ${recipe.norms.join(', ')}`)
  if (given.context !== undefined && recipe.data !== 'text') throw new ValueError(`${model} learns from images, which have no context`)
  if (given.cell !== undefined && model !== 'charlm') throw new ValueError(`${model} has no cell: only charlm is a recurrent network`)
  return settings
}

/**
 * Settings that differ, as a person would say it: `--norm is layer there, batch here`. More steps are no difference: a run may be made longer. What a
 * checkpoint does not name is at its default: it was made before there was a choice.
 */
export function settingDifferences(there: TrainSettings, here: TrainSettings): string[] {
  const names = Object.keys(trainSettings) as (keyof TrainSettings)[]
  const before: TrainSettings = Object.assign({ cell: trainSettings.cell.default }, there)
  return names
    .filter((name) => name !== 'steps' && before[name] !== here[name])
    .map((name) => `--${flagOf(name, trainSettings[name])} is ${before[name]} there, ${here[name]} here`)
}
