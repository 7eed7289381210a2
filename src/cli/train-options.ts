import { nearestName, ValueError } from '../core/errors.js'
import {
  completeTrainSettings,
  flagOf,
  recipes,
  type SampleSettings,
  type Setting,
  type SettingTable,
  sampleSettings,
  type TrainSettings,
  trainSettings,
} from '../experiments/index.js'
import type { Command, Option } from './options.js'

/** The options of `evenkeel train` and `evenkeel sample`. */

export interface TrainRequest {
  /** What the user chose; a model's defaults, or the settings of the run that is resumed, stand for the rest. */
  given: Partial<TrainSettings>
  /** A text file or a folder of images; null for what is in the package. */
  data: string | null
  out: string | null
  resume: string | null
  checkpointEvery: number
  force: boolean
  json: boolean
}

export interface SampleRequest {
  folder: string
  prompt: string
  settings: SampleSettings
}

const MOST_STEPS = 10_000_000
const CHECKPOINT_EVERY = 100

const valueWords = { integer: 'N', number: 'X', choice: 'WORD', switch: 'yes|no' } as const
const optionsOf = (table: SettingTable): Option[] =>
  Object.entries(table).map(([name, setting]) => {
    const { kind, help, choices, default: value } = setting
    const words = `${help}${choices ? `: ${Object.keys(choices).join(', ')}` : ''}`
    return { name: flagOf(name, setting), value: valueWords[kind], help: help.includes('default') ? words : `${words} (default ${setting.toText(value)})` }
  })

const modelLines = Object.entries(recipes).map(([name, { label, data, norms, defaults }]) => {
  const { steps, batchSize, lr } = defaults
  const subject = data === 'text' ? 'text' : 'images'
  return `  ${name.padEnd(8)}${label} for ${subject}; norms ${norms.join(', ')}; ${steps} steps, batch size ${batchSize}, learning rate ${lr}`
})

/** @param common options that other commands have, too */
export const trainCommand = (common: readonly Option[]): Command => ({
  name: 'train',
  summary: 'Train a network on text or images, yours or those in the package',
  details: `Models, with their defaults (the first norm is the default):
${modelLines.join('\n')}

Text is Moby Dick or, with --data FILE, any UTF-8 text; the last tenth is held out. Images are handwritten digits or, with --data FOLDER, PNG files of
one size, with a sub-folder for each class. Checkpoints are written whole or not at all: killed at any moment and taken up by --resume, a run goes on
bit for bit as if it had never stopped. Ctrl-C ends it after the current step. Writes checkpoint.safetensors, model.safetensors (by PyTorch's keys),
results.json, results.csv and report.html.`,
  options: [
    ...optionsOf(trainSettings),
    { name: 'data', value: 'PATH', help: 'A text file, or a folder with a sub-folder of PNG images for each class' },
    { name: 'out', value: 'DIR', help: 'Folder for the results (default runs/DATE-TIME)' },
    { name: 'resume', value: 'DIR', help: 'Go on with the run in this folder; more --steps make it longer' },
    { name: 'checkpoint-every', value: 'N', help: `Steps between checkpoints (default ${CHECKPOINT_EVERY})` },
    { name: 'force', help: 'Write into --out even if there is something in it' },
    ...common,
  ],
  examples: ['evenkeel train --model charlm --out runs/whale', 'evenkeel train --resume runs/whale', 'evenkeel train --model resnet --norm group --steps 200'],
})

/** @param common options that other commands have, too */
export const sampleCommand = (common: readonly Option[]): Command => ({
  name: 'sample',
  summary: 'Write text from a model that evenkeel train made',
  details: 'Reads checkpoint.safetensors in the folder, also while training goes on, and prints the text.',
  argument: 'DIR',
  options: [...optionsOf(sampleSettings), { name: 'prompt', value: 'TEXT', help: 'What the text begins with (default a new paragraph)' }, ...common],
  examples: ['evenkeel sample runs/whale', "evenkeel sample runs/whale --prompt 'Call me ' --temperature 0.5 --length 200"],
})

type Values = ReadonlyMap<string, string>

/** @throws ValueError with a sentence for the user */
export function trainRequest(values: Values): TrainRequest {
  const resume = values.get('resume') ?? null
  if (resume !== null && values.has('out')) throw new ValueError('--resume goes on in its own folder; leave --out away')
  const given: Partial<TrainSettings> = settingsFrom(trainSettings, values)
  // Wrong combinations are said before anything is read. A resumed run has settings of its own beneath these.
  if (resume === null) completeTrainSettings(given)
  const every = values.get('checkpoint-every')
  const checkpointEvery = every === undefined ? CHECKPOINT_EVERY : Number(every)
  if (!(Number.isInteger(checkpointEvery) && checkpointEvery >= 1 && checkpointEvery <= MOST_STEPS))
    throw new ValueError(`--checkpoint-every must be a whole number from 1 to ${MOST_STEPS}, got '${every}'`)
  return {
    given,
    data: values.get('data') ?? null,
    out: values.get('out') ?? null,
    resume,
    checkpointEvery,
    force: values.has('force'),
    json: values.has('json'),
  }
}

/** @throws ValueError with a sentence for the user */
export function sampleRequest(values: Values): SampleRequest {
  const folder = values.get('DIR')
  if (folder === undefined) throw new ValueError('sample needs a folder that evenkeel train wrote: evenkeel sample DIR')
  const defaults = Object.fromEntries(Object.entries(sampleSettings).map(([name, setting]) => [name, setting.default])) as SampleSettings
  return { folder, prompt: values.get('prompt') ?? '', settings: { ...defaults, ...settingsFrom(sampleSettings, values) } }
}

/** Those that the command line names. */
function settingsFrom<T extends SettingTable>(table: T, values: Values): { [K in keyof T]?: T[K] extends Setting<infer V> ? V : never } {
  const given: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(table)) {
    const text = values.get(flagOf(name, setting))
    if (text === undefined) continue
    const value = setting.fromText(text)
    if (value === undefined) throw new ValueError(`--${flagOf(name, setting)} must be ${setting.expected}, got '${text}'${nearest(text, setting)}`)
    given[name] = value
  }
  return given as ReturnType<typeof settingsFrom<T>>
}

function nearest(text: string, { choices }: Setting<unknown>): string {
  const name = choices && nearestName(text, Object.keys(choices))
  return name ? `. Did you mean ${name}?` : ''
}
