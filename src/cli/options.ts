import { parseArgs } from 'node:util'
import { nearestName } from '../core/errors.js'
import { type CompareSettings, defaultSettings } from '../experiments/index.js'
import { normNames } from '../models/index.js'
import type { DoctorSettings } from './doctor.js'
import type { LabSettings } from './lab.js'

/** The command line could not be understood; exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface Option {
  name: string
  /** What stands for the value in the help; none for a switch. */
  value?: string
  help: string
  /** Also known by a letter. */
  short?: string
}

export interface Command {
  name: string
  summary: string
  details: string
  /** What stands for the one argument that it takes, if it takes one. */
  argument?: string
  options: readonly Option[]
  examples: readonly string[]
}

const LAB_PORT = 4173

const helpOption: Option = { name: 'help', short: 'h', help: 'Show this help' }
const { norms, batchSizes, learningRates, samples, seed, imageSize } = defaultSettings

const experimentOptions: readonly Option[] = [
  { name: 'norm', value: 'LIST', help: `Norms: ${normNames.join(', ')} (default ${norms.join(',')})` },
  { name: 'batch-size', value: 'LIST', help: `Batch sizes (default ${batchSizes.join(',')})` },
  { name: 'lr', value: 'LIST', help: `Learning rates (default ${learningRates.join(',')})` },
  { name: 'epochs', value: 'N', help: 'Passes over the 5,000 training digits (default 2)' },
  { name: 'samples', value: 'N', help: `In place of --epochs: images that each run sees (default ${samples})` },
  { name: 'image-size', value: 'N', help: `28, or 14 for a quarter of the work (default ${imageSize})` },
  { name: 'seed', value: 'N', help: `Of the initial weights and the order of images (default ${seed})` },
  { name: 'out', value: 'DIR', help: 'Folder for the results (default runs/DATE-TIME)' },
  { name: 'force', help: 'Write into --out even if there is something in it' },
]

export const commands: readonly Command[] = [
  {
    name: 'start',
    summary: 'The walk-through, then the comparison',
    details: 'Prints the walk-through, then trains the same network with each norm and shows the difference, in a few minutes.\nTakes the options of compare.',
    options: [...experimentOptions, helpOption],
    examples: ['evenkeel start', 'evenkeel start --samples 5000 --out runs/short'],
  },
  {
    name: 'compare',
    summary: 'Train the same network with each norm, batch size and learning rate',
    details:
      'Trains a small network on real handwritten digits, with every combination of the norms, batch sizes and learning rates,\nfrom the same initial weights and on the same images in the same order. Writes results.json, results.csv and report.html.\nCtrl-C ends it after the current step and keeps what was measured.',
    options: [...experimentOptions, { name: 'json', help: 'Print the results as JSON, and nothing else, on standard output' }, helpOption],
    examples: ['evenkeel compare', 'evenkeel compare --norm none,batch,layer --batch-size 2,8,32 --lr 0.05,0.5 --epochs 1 --seed 0 --out runs/mine'],
  },
  {
    name: 'walkthrough',
    summary: 'BatchNorm and LayerNorm on the same batch, step by step',
    details: 'Shows shapes, what each norm makes mean 0 and variance 1, running averages, and what a sample owes to its batch.',
    options: [helpOption],
    examples: ['evenkeel walkthrough'],
  },
  {
    name: 'doctor',
    summary: 'Say what is wrong with the norms of a checkpoint',
    details: `Reads a state dict (safetensors, or .pt and .pth of torch.save) by PyTorch's keys and reports running variances near zero
or exploding, collapsed weights, layers that were never trained or never updated, NaN and infinities, and an eps too small for the numbers;
each with the figure, why it matters and what to do.

--data compares running averages with what goes into the layers: a safetensors file with the inputs of some or all BatchNorm layers for one
batch of 8 samples or more, [N, C, ...], under the layers' names. In PyTorch, with the model in eval():
  inputs = {}
  for name, m in model.named_modules():
      if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):
          m.register_forward_pre_hook(lambda m, x, name=name: inputs.__setitem__(name, x[0].contiguous()))
  model(batch); safetensors.torch.save_file(inputs, 'batch.safetensors')

Exit code: 0 if nothing is wrong, 1 if something is or a file can't be read, 2 for a wrong command line.`,
    argument: 'FILE',
    options: [
      { name: 'data', value: 'FILE', help: 'Inputs of the layers for one batch, to compare with' },
      { name: 'eps', value: 'X', help: 'The eps of the layers, which a checkpoint does not have (default 1e-5)' },
      { name: 'json', help: 'Print the findings as JSON, and nothing else' },
      helpOption,
    ],
    examples: ['evenkeel doctor model.safetensors', 'evenkeel doctor model.safetensors --data batch.safetensors --json'],
  },
  {
    name: 'lab',
    summary: 'See it: a page that shows what each norm does, and trains live',
    details: 'Serves the lab to this machine alone and opens it in the browser where there is a terminal and a display.\nCtrl-C ends it.',
    options: [
      { name: 'port', value: 'N', help: `Port on 127.0.0.1, 0 for any that is free (default ${LAB_PORT})` },
      { name: 'no-open', help: 'Only print the address' },
      helpOption,
    ],
    examples: ['evenkeel lab', 'evenkeel lab --port 8080 --no-open'],
  },
]

/** What the user wants. */
export type Request =
  | { kind: 'help'; command: Command | null }
  | { kind: 'version' }
  | { kind: 'walkthrough' }
  | { kind: 'doctor'; settings: DoctorSettings }
  | { kind: 'lab'; settings: LabSettings }
  | { kind: 'compare'; settings: CompareSettings; walkthrough: boolean; out: string | null; force: boolean; json: boolean }

/** @throws UsageError with one sentence, which names the nearest right word where there is one */
export function parse(args: readonly string[]): Request {
  const [first, ...rest] = args
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    const topic = first === 'help' ? rest[0] : undefined
    return { kind: 'help', command: topic === undefined ? null : findCommand(topic) }
  }
  if (first === '--version' || first === '-V') return { kind: 'version' }
  if (first.startsWith('-')) {
    const known = ['--help', '--version']
    throw new UsageError(`The option ${first} has no command before it, and evenkeel by itself knows no such option.${didYouMean(first, known)}`)
  }
  const command = findCommand(first)
  const values = optionValues(command, rest)
  if (values.has('help')) return { kind: 'help', command }
  if (command.name === 'walkthrough') return { kind: 'walkthrough' }
  if (command.name === 'doctor') return { kind: 'doctor', settings: doctorSettings(values) }
  if (command.name === 'lab') return { kind: 'lab', settings: labSettings(values) }
  return {
    kind: 'compare',
    settings: settingsFrom(values),
    walkthrough: command.name === 'start',
    out: values.get('out') ?? null,
    force: values.has('force'),
    json: values.has('json'),
  }
}

function didYouMean(word: string, known: readonly string[]): string {
  const nearest = nearestName(word, known)
  return nearest ? ` Did you mean ${nearest}?` : ''
}

function findCommand(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (command) return command
  const names = commands.map((c) => c.name)
  throw new UsageError(`There is no command '${name}'.${didYouMean(name, names) || ` Commands: ${names.join(', ')}.`}`)
}

/** Values by the options' long names; switches have an empty one, and an argument stands under what the help calls it. */
function optionValues(command: Command, args: readonly string[]): Map<string, string> {
  const options = Object.fromEntries(
    command.options.map(({ name, value, short }) => [name, { type: value ? ('string' as const) : ('boolean' as const), ...(short ? { short } : {}) }]),
  )
  // Not strict, as parseArgs's own errors name neither what is near nor what is missing.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true })
  const values = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional' && command.argument && !values.has(command.argument)) {
      values.set(command.argument, token.value)
      continue
    }
    if (token.kind === 'positional') throw new UsageError(`${command.name} takes no argument '${token.value}'; options begin with --.`)
    const option = command.options.find(({ name, short }) => token.rawName === `--${name}` || token.rawName === `-${short}`)
    if (!option) {
      const known = command.options.map(({ name }) => `--${name}`)
      throw new UsageError(`${command.name} has no option ${token.rawName}.${didYouMean(token.rawName, known) || ` Its options: ${known.join(', ')}.`}`)
    }
    if (values.has(option.name)) throw new UsageError(`--${option.name} is given twice.`)
    if (option.value && !token.value) throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}.`)
    if (!option.value && token.value !== undefined) throw new UsageError(`--${option.name} takes no value, got '${token.value}'.`)
    values.set(option.name, token.value ?? '')
  }
  return values
}

const TRAINING_IMAGES = 5000

function settingsFrom(values: ReadonlyMap<string, string>): CompareSettings {
  const chosen: { -readonly [K in keyof CompareSettings]: CompareSettings[K] } = { ...defaultSettings }
  const given = <T>(name: string, read: (name: string, text: string) => T, put: (value: T) => void) => {
    const text = values.get(name)
    if (text !== undefined) put(read(name, text))
  }
  given('norm', listOf(normName), (v) => (chosen.norms = v))
  given('batch-size', listOf(wholeNumber(1, TRAINING_IMAGES)), (v) => (chosen.batchSizes = v))
  given('lr', listOf(positiveNumber), (v) => (chosen.learningRates = v))
  if (values.has('epochs') && values.has('samples')) throw new UsageError('Give --epochs or --samples, not both.')
  given('epochs', wholeNumber(1, 1000), (v) => (chosen.samples = v * TRAINING_IMAGES))
  given('samples', wholeNumber(1, 1000 * TRAINING_IMAGES), (v) => (chosen.samples = v))
  given('seed', wholeNumber(0, Number.MAX_SAFE_INTEGER), (v) => (chosen.seed = v))
  given('image-size', imageSizeOf, (v) => (chosen.imageSize = v))
  const largest = Math.max(...chosen.batchSizes)
  if (chosen.samples < largest) throw new UsageError(`--samples ${chosen.samples} is less than one batch of ${largest}.`)
  return chosen
}

function doctorSettings(values: ReadonlyMap<string, string>): DoctorSettings {
  const file = values.get('FILE')
  if (file === undefined) throw new UsageError('doctor needs a file: evenkeel doctor FILE.')
  const eps = values.get('eps')
  return { file, data: values.get('data') ?? null, eps: eps === undefined ? 1e-5 : positiveNumber('eps', eps), json: values.has('json') }
}

function labSettings(values: ReadonlyMap<string, string>): LabSettings {
  const port = values.get('port')
  return { port: port === undefined ? LAB_PORT : wholeNumber(0, 65535)('port', port), open: !values.has('no-open') }
}

type Reader<T> = (option: string, text: string) => T

const listOf =
  <T>(read: Reader<T>): Reader<T[]> =>
  (option, text) => {
    const items = text.split(',').map((item) => read(option, item.trim()))
    const twice = items.find((item, i) => items.indexOf(item) < i)
    if (twice !== undefined) throw new UsageError(`--${option} names ${twice} twice.`)
    return items
  }

const normName: Reader<(typeof normNames)[number]> = (option, text) => {
  const name = normNames.find((n) => n === text)
  if (name) return name
  throw new UsageError(`--${option} knows no norm '${text}'.${didYouMean(text, normNames) || ` Norms: ${normNames.join(', ')}.`}`)
}

const number = (text: string): number => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN)

const wholeNumber =
  (low: number, high: number): Reader<number> =>
  (option, text) => {
    const value = number(text)
    if (Number.isInteger(value) && value >= low && value <= high) return value
    throw new UsageError(`--${option} must be a whole number from ${low} to ${high}, got '${text}'.`)
  }

const positiveNumber: Reader<number> = (option, text) => {
  const value = number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${option} must be a finite number above 0, got '${text}'.`)
}

const imageSizeOf: Reader<28 | 14> = (option, text) => {
  if (text === '28' || text === '14') return text === '28' ? 28 : 14
  throw new UsageError(`--${option} must be 28 or 14, got '${text}'.`)
}
