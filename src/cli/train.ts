import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { ValueError } from '../core/errors.js'
import { decodeText } from '../data/index.js'
import { saveSafetensors } from '../io/index.js'
import { FileError, readFile, writeFileAtomic } from '../io/node.js'
import {
  type Checkpoint,
  completeTrainSettings,
  packagedData,
  recipes,
  Training,
  type TrainingData,
  type TrainingResult,
  type TrainSettings,
  textData,
  trainingCsv,
  trainingReport,
  trainingResult,
} from '../training/index.js'
import { describeRun, environment, type Host, relative } from './experiment.js'
import { ResultFolder } from './folder.js'
import { CHECKPOINT, checkpointIn } from './sample.js'
import { painter } from './terminal.js'
import type { TrainRequest } from './train-options.js'
import { TrainProgress } from './train-progress.js'

/** The format of results.json; raised where a reader of the old one would go wrong. */
const SCHEMA = 'evenkeel-train/1'
/** Room that a run needs at the least: two checkpoints of a small model. */
const LIKELY_BYTES = 2 ** 24

/** Trains a network, from the beginning or from where it was, and writes what came of it. @returns false where the loss was no finite number */
export async function runTraining(request: TrainRequest, host: Host): Promise<boolean> {
  const { resume, checkpointEvery, json, force } = request
  const { stdout, stderr, env, signal } = host
  const talk = json ? stderr : stdout
  const begun = new Date()
  const checkpoint = resume === null ? null : checkpointIn(resume)
  const settings = completeTrainSettings(withResumed(checkpoint, request.given))
  const data = await readData(settings, request.data ?? checkpoint?.data.path ?? null)
  const training = checkpoint ? resumed(checkpoint, settings, data, String(resume)) : new Training(settings, data)
  const folder = ResultFolder.prepare(resume ?? request.out, { force, bytes: LIKELY_BYTES, now: begun, mayHold: () => resume !== null })

  const paint = painter(talk, env)
  const { label, data: kind } = recipes[settings.model]
  talk.write(`${paint.bold(`Training ${label} on ${data.name}`)}\n`)
  talk.write(`${sizes(training)}; checkpoints in ${relative(folder.path)}${checkpoint ? `; going on after step ${checkpoint.step}` : ''}\n`)
  const progress = new TrainProgress(talk, paint, kind === 'text' ? 'tokens' : 'images')
  await training.run({
    signal,
    checkpointEvery,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    onStep: (p) => progress.update(p),
    onEvaluation: (evaluation) => progress.evaluated(evaluation),
    onCheckpoint: (bytes) => writeFileAtomic(path.join(folder.path, CHECKPOINT), bytes),
  })
  progress.clear()

  const result = trainingResult(training)
  const about = describeRun(host, begun)
  const document = `${JSON.stringify({ schema: SCHEMA, ...about, environment: environment(), ...result })}\n`
  writeFileAtomic(path.join(folder.path, 'model.safetensors'), saveSafetensors(training.model.stateDict(), { format: 'pt' }))
  const files = [
    folder.write('results.json', document),
    folder.write('results.csv', trainingCsv(result)),
    folder.write('report.html', trainingReport(result, about)),
  ]
  talk.write(`\n${outcome(result)}\n`)
  if (result.status === 'stopped') talk.write(`evenkeel train --resume ${relative(folder.path)} goes on from there.\n`)
  if (kind === 'text') talk.write(`evenkeel sample ${relative(folder.path)} writes text.\n`)
  talk.write(`Written to ${relative(folder.path)}: ${[CHECKPOINT, 'model.safetensors', ...files.map((file) => path.basename(file))].join(', ')}\n`)
  if (json) stdout.write(document)
  return result.status !== 'diverged'
}

/** A resumed run has its own settings; another model would need others. */
function withResumed(checkpoint: Checkpoint | null, given: Partial<TrainSettings>): Partial<TrainSettings> {
  if (!checkpoint) return given
  const { context, cell, ...own } = checkpoint.settings
  const differs = given.model !== undefined && given.model !== own.model
  return differs ? given : { ...own, ...(checkpoint.data.form.kind === 'text' ? { context } : {}), ...(own.model === 'charlm' ? { cell } : {}), ...given }
}

function resumed(checkpoint: Checkpoint, settings: TrainSettings, data: TrainingData, folder: string): Training {
  try {
    return Training.resume(checkpoint, settings, data)
  } catch (error) {
    throw new FileError(`can't go on with ${folder}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** @param source the user's file or folder, null for what is in the package */
async function readData({ model, context }: TrainSettings, source: string | null): Promise<TrainingData> {
  const kind = recipes[model].data
  if (source === null) return packagedData(kind, context)
  const file = path.resolve(source)
  const isFolder = fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (kind === 'images') {
    if (!isFolder) throw new FileError(`${model} learns from images: --data must be a folder with a sub-folder for each class, and ${file} is not a folder`)
    const { readImageFolder } = await import('./image-folder.js')
    return readImageFolder(file)
  }
  if (isFolder) throw new FileError(`${model} learns from text: --data must be a text file, and ${file} is a folder`)
  const bytes = readFile(file)
  const fingerprint = crypto.createHash('sha256').update(bytes).digest('hex')
  try {
    return textData(decodeText(bytes), { name: file, path: file, fingerprint }, context)
  } catch (error) {
    throw error instanceof ValueError ? new FileError(`${file}: ${error.message}`, { cause: error }) : error
  }
}

function sizes({ model, data }: Training): string {
  const count = model.parameters().reduce((sum, p) => sum + p.numel(), 0)
  const { kind, classes, context, image } = data.form
  const form = kind === 'text' ? `${classes} different characters, ${context} at a time` : `${classes} classes, ${image?.join(' x ')}`
  return `${count.toLocaleString('en-US')} parameters; ${data.train.length.toLocaleString('en-US')} samples, ${data.heldOut.length.toLocaleString('en-US')} held out; ${form}`
}

function outcome({ status, steps, kind, evaluations, references, losses }: TrainingResult): string {
  if (status === 'diverged') return `Diverged at step ${steps}: the loss is ${losses.at(-1)}. A lower --lr or another --norm may help.`
  const last = evaluations.at(-1)
  const stopped = status === 'stopped' ? `Stopped after ${steps.toLocaleString('en-US')} steps.` : ''
  if (!last) return stopped
  const unit = kind === 'text' ? 'nats per character' : 'nats'
  const lines = [{ name: `this model, after ${last.step.toLocaleString('en-US')} steps`, loss: last.loss }, ...references]
  const width = Math.max(...lines.map(({ name }) => name.length))
  const rows = lines.map(({ name, loss }) => `  ${name.padEnd(width)}  ${loss.toFixed(3)}`).join('\n')
  const right = `${(100 * last.accuracy).toFixed(1)}% of the ${kind === 'text' ? 'characters' : 'images'} right`
  return `${stopped && `${stopped}\n`}Cross-entropy on what is held out, in ${unit} (${right}):\n${rows}`
}
