import {
  type AdviseSettings,
  adviseSettings,
  checkedSettings,
  completeSettings,
  type Experiment,
  experiments,
  type SettingsOf,
  type SettingTable,
} from '../experiments/index.js'
import {
  type Command,
  didYouMean,
  givenSettings,
  type Option,
  optionValues,
  positiveNumber,
  settingOptions,
  UsageError,
  wellUsed,
  wholeNumber,
} from './command-line.js'
import type { DoctorSettings } from './doctor.js'
import type { DrawSettings } from './draw.js'
import type { LabSettings } from './lab.js'
import { type SampleRequest, sampleCommand, sampleRequest, type TrainRequest, trainCommand, trainRequest } from './train-options.js'

const LAB_PORT = 4173
const DRAWN_STEPS = 200

/** Training digits in the package. */
const EPOCH = 5000
const helpOption: Option = { name: 'help', short: 'h', help: 'Show this help' }
const outputOptions: readonly Option[] = [
  { name: 'out', value: 'DIR', help: 'Folder for the results (default runs/DATE-TIME). Runs that are in it are not made again' },
  { name: 'force', help: 'Write into --out whatever is in it, and make every run anew' },
]
const jsonOption: Option = { name: 'json', help: 'Print the results as JSON, and nothing else, on standard output' }

const comparison = experimentNamed('compare')
const epochsOption: Option = { name: 'epochs', value: 'N', help: `In place of --samples: passes over the ${EPOCH.toLocaleString('en-US')} training digits` }
const compareOptions: readonly Option[] = [...settingOptions(comparison.settings), epochsOption, ...outputOptions]

/** The command that makes one experiment: `experiment batch-size`. */
export function experimentCommand(experiment: Experiment): Command {
  return {
    name: `experiment ${experiment.name}`,
    summary: experiment.title,
    details: `${experiment.claim}
Writes results.json, results.csv and report.html. Ctrl-C ends it after the current step and keeps what was measured; the same command with the
same --out goes on from there. Lists have commas between their entries.`,
    options: [
      ...settingOptions(experiment.settings),
      { name: 'quick', help: 'Smaller settings, for a look that takes seconds' },
      ...outputOptions,
      jsonOption,
      helpOption,
    ],
    examples: [`evenkeel experiment ${experiment.name}`, `evenkeel experiment ${experiment.name} --quick --out runs/mine`],
  }
}

export const commands: readonly Command[] = [
  {
    name: 'start',
    summary: 'The walk-through, then the comparison, then the lab',
    details:
      'Prints the walk-through, then trains the same network with each norm and shows the difference, in a few minutes.\nThen opens the lab where there is a terminal and a display. Takes the options of compare.',
    options: [...compareOptions, helpOption],
    examples: ['evenkeel start', 'evenkeel start --samples 5000 --out runs/short'],
  },
  {
    name: 'compare',
    summary: 'Train the same network with each norm, batch size and learning rate',
    details:
      'Trains a small network on real handwritten digits, with every combination of the norms, batch sizes and learning rates,\nfrom the same initial weights and on the same images in the same order. Writes results.json, results.csv and report.html.\nCtrl-C ends it after the current step and keeps what was measured; the same command with the same --out goes on from there.',
    options: [...compareOptions, jsonOption, helpOption],
    examples: ['evenkeel compare', 'evenkeel compare --norm none,batch,layer --batch-size 2,8,32 --lr 0.05,0.5 --epochs 1 --seed 0 --out runs/mine'],
  },
  {
    name: 'experiment',
    summary: 'Put what is said about norms to the test',
    details: `Experiments:\n${experiments.map(({ name, title }) => `  ${name.padEnd(20)}${title}`).join('\n')}\n\nevenkeel experiment NAME --help has the settings of each.`,
    argument: 'NAME',
    options: [helpOption],
    examples: ['evenkeel experiment axes --shape 2,6,4,4 --groups 3', 'evenkeel experiment axes --help'],
  },
  {
    name: 'advise',
    summary: 'Say which norm suits a network, and why',
    details:
      'Prints a norm, the reasons with the experiments that put them to the test, what it depends on, and the lines to write in PyTorch and in Evenkeel.',
    options: [
      ...settingOptions(adviseSettings).filter(({ name }) => name !== 'image'),
      { name: 'image', help: 'Inputs are images (the default)' },
      { name: 'no-image', help: 'Inputs are no images' },
      { name: 'json', help: 'Print the advice as JSON, and nothing else' },
      helpOption,
    ],
    examples: ['evenkeel advise --arch cnn --batch-size 4', 'evenkeel advise --arch rnn --sequence-variability much --no-image --json'],
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
  trainCommand([{ name: 'json', help: 'Print the results as JSON, and nothing else, on standard output' }, helpOption]),
  sampleCommand([helpOption]),
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
  {
    name: 'draw',
    summary: 'Write the figures of an address of the lab, without a browser',
    details: `Makes the runs that the address names, with the same numbers as the page, and writes each figure as SVG and CSV.
The address is one of the axes, the workbench, a study, an experiment or a lesson; it is not opened, so no lab need run.
Advice has no figures. What an address does not carry is given: files of your own by --data, how long to train by --steps.`,
    argument: 'ADDRESS',
    options: [
      { name: 'steps', value: 'N', help: `Steps of each run of the workbench and of running averages (default ${DRAWN_STEPS})` },
      { name: 'data', value: 'PATH', help: 'Your own table (CSV), text or folder of PNG images, for an address with data=own' },
      { name: 'out', value: 'DIR', help: 'Folder for the figures (default runs/DATE-TIME)' },
      { name: 'force', help: 'Write into --out whatever is in it' },
      helpOption,
    ],
    examples: [
      "evenkeel draw 'http://127.0.0.1:4173/#/workbench?v=1&preset=spirals' --out figures",
      "evenkeel draw '#/?norm=group&groups=2'",
      "evenkeel draw '#/studies/batch-size?data=spirals'",
      "evenkeel draw '#/workbench?data=own&network=mlp' --data flowers.csv",
    ],
  },
]

/** What the user wants. */
export type Request =
  | { kind: 'help'; command: Command | null }
  | { kind: 'version' }
  | { kind: 'walkthrough' }
  | { kind: 'doctor'; settings: DoctorSettings }
  | { kind: 'lab'; settings: LabSettings }
  | { kind: 'draw'; settings: DrawSettings }
  | { kind: 'train'; request: TrainRequest }
  | { kind: 'sample'; request: SampleRequest }
  | { kind: 'advise'; settings: AdviseSettings; json: boolean }
  | { kind: 'experiment'; experiment: Experiment; settings: SettingsOf<SettingTable>; walkthrough: boolean; out: string | null; force: boolean; json: boolean }

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
  if (first === 'experiment' && rest[0] !== undefined && !rest[0].startsWith('-')) return parseExperiment(rest[0], rest.slice(1))
  const command = findCommand(first)
  const values = optionValues(command, rest)
  if (command.name === 'experiment') return { kind: 'help', command }
  if (values.has('help')) return { kind: 'help', command }
  if (command.name === 'walkthrough') return { kind: 'walkthrough' }
  if (command.name === 'doctor') return { kind: 'doctor', settings: doctorSettings(values) }
  if (command.name === 'lab') return { kind: 'lab', settings: labSettings(values) }
  if (command.name === 'draw') return { kind: 'draw', settings: drawSettings(values) }
  if (command.name === 'train') return { kind: 'train', request: trainRequest(values) }
  if (command.name === 'sample') return { kind: 'sample', request: sampleRequest(values) }
  if (command.name === 'advise') return { kind: 'advise', settings: adviceSettings(values), json: values.has('json') }
  return experimentRequest(comparison, values, command.name === 'start')
}

function parseExperiment(name: string, args: readonly string[]): Request {
  const experiment = experimentNamed(name)
  const command = experimentCommand(experiment)
  const values = optionValues(command, args)
  return values.has('help') ? { kind: 'help', command } : experimentRequest(experiment, values, false)
}

function experimentRequest(experiment: Experiment, values: ReadonlyMap<string, string>, walkthrough: boolean): Request {
  return {
    kind: 'experiment',
    experiment,
    settings: experimentSettings(experiment, values),
    walkthrough,
    out: values.get('out') ?? null,
    force: values.has('force'),
    json: values.has('json'),
  }
}

function experimentNamed(name: string): Experiment {
  const experiment = experiments.find((e) => e.name === name)
  if (experiment) return experiment
  const names = experiments.map((e) => e.name)
  throw new UsageError(`There is no experiment '${name}'.${didYouMean(name, names) || ` Experiments: ${names.join(', ')}.`}`)
}

function findCommand(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (command) return command
  const names = commands.map((c) => c.name)
  throw new UsageError(`There is no command '${name}'.${didYouMean(name, names) || ` Commands: ${names.join(', ')}.`}`)
}

/** As the flags say; the rest as the experiment's defaults, or with --quick its small settings. */
function experimentSettings(experiment: Experiment, values: ReadonlyMap<string, string>): SettingsOf<SettingTable> {
  const given: Record<string, unknown> = { ...(values.has('quick') ? experiment.quick : {}), ...givenSettings(experiment.settings, values) }
  const epochs = values.get(epochsOption.name)
  if (epochs !== undefined) {
    if (values.has('samples')) throw new UsageError('Give --epochs or --samples, not both.')
    given.samples = wholeNumber(1, 1000)(epochsOption.name, epochs) * EPOCH
  }
  return wellUsed(() => checkedSettings(experiment, given))
}

function adviceSettings(values: ReadonlyMap<string, string>): AdviseSettings {
  if (values.has('image') && values.has('no-image')) throw new UsageError('Give --image or --no-image, not both.')
  const { image, ...others } = adviseSettings
  return completeSettings('advise', adviseSettings, { ...givenSettings(others, values), image: values.has('no-image') ? false : image.default })
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

function drawSettings(values: ReadonlyMap<string, string>): DrawSettings {
  const address = values.get('ADDRESS')
  if (address === undefined) throw new UsageError("draw needs an address of the lab: evenkeel draw 'http://127.0.0.1:4173/#/workbench'.")
  const steps = values.get('steps')
  return {
    address,
    out: values.get('out') ?? null,
    data: values.get('data') ?? null,
    steps: steps === undefined ? DRAWN_STEPS : wholeNumber(1, 1_000_000)('steps', steps),
    force: values.has('force'),
  }
}
