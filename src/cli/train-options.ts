import { completeTrainSettings, recipes, type SampleSettings, sampleSettings, type TrainSettings, trainSettings } from '../training/index.js'
import { type Command, givenSettings, type Option, settingOptions, UsageError, wellUsed, wholeNumber } from './command-line.js'

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
    ...settingOptions(trainSettings),
    { name: 'data', value: 'PATH', help: 'A text file, or a folder with a sub-folder of PNG images for each class' },
    { name: 'out', value: 'DIR', help: 'Folder for the results (default runs/DATE-TIME)' },
    { name: 'resume', value: 'DIR', help: 'Go on with the run in this folder; more --steps make it longer' },
    { name: 'checkpoint-every', value: 'N', help: `Steps between checkpoints (default ${CHECKPOINT_EVERY})` },
    { name: 'force', help: 'Write into --out even if there is something in it' },
    ...common,
  ],
  examples: [
    'evenkeel train --model charlm --out runs/whale',
    'evenkeel train --model charlm --cell gru --norm layer',
    'evenkeel train --resume runs/whale',
    'evenkeel train --model resnet --norm group --steps 200',
  ],
})

/** @param common options that other commands have, too */
export const sampleCommand = (common: readonly Option[]): Command => ({
  name: 'sample',
  summary: 'Write text from a model that evenkeel train made',
  details: 'Reads checkpoint.safetensors in the folder, also while training goes on, and prints the text.',
  argument: 'DIR',
  options: [...settingOptions(sampleSettings), { name: 'prompt', value: 'TEXT', help: 'What the text begins with (default a new paragraph)' }, ...common],
  examples: ['evenkeel sample runs/whale', "evenkeel sample runs/whale --prompt 'Call me ' --temperature 0.5 --length 200"],
})

type Values = ReadonlyMap<string, string>

/** @throws UsageError */
export function trainRequest(values: Values): TrainRequest {
  const resume = values.get('resume') ?? null
  if (resume !== null && values.has('out')) throw new UsageError('--resume goes on in its own folder; leave --out away.')
  const given: Partial<TrainSettings> = givenSettings(trainSettings, values)
  // Wrong combinations are said before anything is read. A resumed run has settings of its own beneath these.
  if (resume === null) wellUsed(() => completeTrainSettings(given))
  const every = values.get('checkpoint-every')
  return {
    given,
    data: values.get('data') ?? null,
    out: values.get('out') ?? null,
    resume,
    checkpointEvery: every === undefined ? CHECKPOINT_EVERY : wholeNumber(1, MOST_STEPS)('checkpoint-every', every),
    force: values.has('force'),
    json: values.has('json'),
  }
}

/** @throws UsageError */
export function sampleRequest(values: Values): SampleRequest {
  const folder = values.get('DIR')
  if (folder === undefined) throw new UsageError('sample needs a folder that evenkeel train wrote: evenkeel sample DIR.')
  const defaults = Object.fromEntries(Object.entries(sampleSettings).map(([name, setting]) => [name, setting.default])) as SampleSettings
  return { folder, prompt: values.get('prompt') ?? '', settings: { ...defaults, ...givenSettings(sampleSettings, values) } }
}
