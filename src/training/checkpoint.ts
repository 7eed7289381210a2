import { ValueError } from '../core/errors.js'
import { defaultGenerator } from '../core/random.js'
import type { Tensor } from '../core/tensor.js'
import { loadSafetensors, parseSafetensors, saveSafetensors } from '../io/index.js'
import { tensor } from '../ops/index.js'
import type { DataForm, DataSource } from './data.js'
import type { TrainSettings } from './settings.js'

/** Raised where a reader of the old one would go wrong. */
const FORMAT = 'evenkeel-train/1'
const METADATA_KEY = 'evenkeel'

/** The loss and the share of right predictions on what is held out, after a number of steps. */
export interface Evaluation {
  step: number
  loss: number
  accuracy: number
}

/** What a checkpoint holds beside tensors. */
export interface TrainingState {
  settings: TrainSettings
  data: DataSource & { form: DataForm }
  step: number
  /** Batches that the current pass over the data has given. */
  batches: number
  evaluations: readonly Evaluation[]
  /** That were spent on steps. */
  seconds: number
}

/**
 * All that a training run needs to go on bit for bit as if it had never stopped: weights and running averages (`model.`), what the optimizer
 * remembers of each parameter (`optimizer.`), the losses so far, the generator that dropout draws from, and the one that the order of the data is
 * drawn from, as it was when the current pass began. In a file it is one safetensors file, so that it is whole or not there.
 */
export interface Checkpoint extends TrainingState {
  model: Record<string, Tensor>
  /** By the parameter's number. */
  optimizer: Record<number, Record<string, Tensor>>
  losses: readonly number[]
  generator: Uint8Array
  /** null before the first pass. */
  order: Uint8Array | null
}

export function checkpointBytes({ model, optimizer, losses, generator, order, ...progress }: Checkpoint): Uint8Array {
  const tensors: Record<string, Tensor> = {}
  for (const [key, value] of Object.entries(model)) tensors[`model.${key}`] = value
  for (const [index, state] of Object.entries(optimizer)) for (const [key, value] of Object.entries(state)) tensors[`optimizer.${index}.${key}`] = value
  tensors.losses = tensor(Float64Array.from(losses))
  tensors.generator = tensor(generator)
  if (order) tensors.order = tensor(order)
  return saveSafetensors(tensors, { [METADATA_KEY]: JSON.stringify({ format: FORMAT, ...progress }) })
}

/** @throws SafetensorsError where the file is damaged, ValueError where it is another kind of file */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const text = parseSafetensors(bytes).metadata?.[METADATA_KEY]
  const { format, ...progress }: TrainingState & { format?: string } = text === undefined ? {} : JSON.parse(text)
  if (format !== FORMAT)
    throw new ValueError(`this is no checkpoint of evenkeel train (format ${FORMAT}), but ${format ? `one of format ${format}` : 'another safetensors file'}`)
  const checkpoint: Checkpoint = { ...progress, model: {}, optimizer: {}, losses: [], generator: defaultGenerator().getState(), order: null }
  for (const [key, value] of Object.entries(loadSafetensors(bytes))) {
    const [room, ...rest] = key.split('.')
    if (room === 'model') checkpoint.model[rest.join('.')] = value
    if (room === 'optimizer') {
      const index = Number(rest[0])
      checkpoint.optimizer[index] ??= {}
      checkpoint.optimizer[index][rest[1]] = value
    }
    if (room === 'losses') checkpoint.losses = [...(value.data as Float64Array)]
    if (room === 'generator' || room === 'order') checkpoint[room] = Uint8Array.from(value.data as Uint8Array)
  }
  return checkpoint
}
