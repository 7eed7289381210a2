import { noGrad } from '../autograd/index.js'
import { RuntimeError, ValueError } from '../core/errors.js'
import { defaultGenerator, Generator, manualSeed } from '../core/random.js'
import { scope } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'
import { DataLoader } from '../data/index.js'
import type { Layer } from '../nn/containers.js'
import { clipGradNorm_ } from '../nn/utils/index.js'
import { crossEntropy } from '../ops/cross-entropy.js'
import { AdamW } from '../optim/index.js'
import { type Checkpoint, checkpointBytes, type Evaluation } from './checkpoint.js'
import type { TrainingData } from './data.js'
import { recipes } from './recipes.js'
import { settingDifferences, type TrainSettings } from './settings.js'

/** Steps over which the learning rate rises to its value. It doesn't depend on how long the run is, so a run can be made longer. */
const WARM_UP = 100
const LONGEST_GRADIENT = 1
const STEPS_BETWEEN_EVALUATIONS = 250
const TEST_BATCH = 64
/** Long enough to cost nothing, short enough for a display and for Ctrl-C. */
const MS_BETWEEN_PAUSES = 50

export interface TrainingProgress {
  /** Steps done. */
  step: number
  steps: number
  /** Mean training loss since the last call. */
  loss: number
  /** Tokens or images. */
  perSecond: number
  /** An estimate. */
  secondsLeft: number
}

export interface TrainingHooks {
  /** Ends the run before its next step. */
  signal?: AbortSignal
  /** Lets the host do what waits between two steps. Default: a timer of 0 ms. */
  pause?: () => Promise<void>
  /** Called after the first step, then about 20 times a second, and after the last. */
  onStep?: (progress: TrainingProgress) => void
  onEvaluation?: (evaluation: Evaluation) => void
  /** Called with what `resume` takes: before the first step, every `checkpointEvery` steps and at the end. */
  onCheckpoint?: (bytes: Uint8Array) => void
  /** Default 100. */
  checkpointEvery?: number
}

/** A network in training, which can be stopped at any step, saved, and taken up again. */
export class Training {
  readonly losses: number[] = []
  readonly evaluations: Evaluation[] = []
  /** Spent on steps. */
  seconds = 0
  readonly model: Layer
  private readonly optimizer: AdamW
  private readonly loader: DataLoader<readonly [Tensor, Tensor], readonly [Tensor, Tensor]>

  constructor(
    readonly settings: TrainSettings,
    readonly data: TrainingData,
  ) {
    const { model, norm, cell, seed, batchSize, lr } = settings
    const recipe = recipes[model]
    const { train, form } = data
    if (form.kind !== recipe.data) throw new ValueError(`${model} learns from ${recipe.data}, and ${data.name} is ${form.kind}`)
    if (batchSize > train.length) throw new ValueError(`a batch of ${batchSize} is more than the ${train.length} samples of ${data.name}`)
    manualSeed(seed)
    this.model = recipe.make(norm, form, cell)
    this.optimizer = new AdamW(this.model.parameters(), { lr })
    this.loader = new DataLoader(train, { batchSize, shuffle: true, dropLast: true, generator: new Generator().manualSeed(seed) })
  }

  /**
   * Goes on from a checkpoint.
   * @throws RuntimeError that names what differs, where it was made with other settings (more steps are allowed) or on other data
   */
  static resume(checkpoint: Checkpoint, settings: TrainSettings, data: TrainingData): Training {
    const differences = settingDifferences(checkpoint.settings, settings)
    if (checkpoint.data.fingerprint !== data.fingerprint) differences.push(`the data are ${checkpoint.data.name} there, ${data.name} here`)
    if (settings.steps < checkpoint.step) differences.push(`--steps is ${settings.steps}, and ${checkpoint.step} are done there`)
    if (differences.length > 0) throw new RuntimeError(`it was trained otherwise: ${differences.join('; ')}`)
    const training = new Training(settings, data)
    training.model.loadStateDict(checkpoint.model)
    const { param_groups } = training.optimizer.stateDict()
    training.optimizer.loadStateDict({ state: checkpoint.optimizer, param_groups })
    training.loader.loadStateDict({ generator: checkpoint.order, batches: checkpoint.batches })
    training.losses.push(...checkpoint.losses)
    training.evaluations.push(...checkpoint.evaluations)
    training.seconds = checkpoint.seconds
    defaultGenerator().setState(checkpoint.generator)
    return training
  }

  /** Steps done. */
  get step(): number {
    return this.losses.length
  }

  get diverged(): boolean {
    return this.step > 0 && !Number.isFinite(this.losses[this.step - 1])
  }

  /** What `resume` goes on from. */
  save(): Uint8Array {
    const { settings, data, step, losses, evaluations, seconds } = this
    const { generator: order, batches } = this.loader.stateDict()
    const { train: _, heldOut: __, references: ___, ...source } = data
    const model = this.model.stateDict()
    const optimizer = this.optimizer.stateDict().state
    const generator = defaultGenerator().getState()
    return scope(() => checkpointBytes({ settings, data: source, step, batches, evaluations, seconds, model, optimizer, losses, generator, order }))
  }

  /** Trains until the steps of the settings are done, the loss is no finite number, or the signal comes. */
  async run(hooks: TrainingHooks = {}): Promise<void> {
    const { signal, pause = timer, onStep, onEvaluation, onCheckpoint, checkpointEvery = 100 } = hooks
    const { steps } = this.settings
    const [before, secondsBefore] = [this.step, this.seconds]
    let saved = -1
    const checkpoint = () => {
      if (saved !== this.step) onCheckpoint?.(this.save())
      saved = this.step
    }
    let reported = this.step
    let unitsPerStep = 0
    const report = () => {
      const recent = this.losses.slice(reported)
      const stepsPerSecond = (this.step - before) / Math.max(1e-9, this.seconds - secondsBefore)
      const loss = recent.reduce((sum, value) => sum + value, 0) / recent.length
      onStep?.({ step: this.step, steps, loss, perSecond: stepsPerSecond * unitsPerStep, secondsLeft: (steps - this.step) / stepsPerSecond })
      reported = this.step
    }
    const evaluate = () => {
      const evaluation = this.evaluate()
      this.evaluations.push(evaluation)
      onEvaluation?.(evaluation)
    }

    if (this.step === 0) checkpoint()
    let lastPause = Number.NEGATIVE_INFINITY
    while (this.step < steps && !this.diverged && !signal?.aborted) {
      let begun = performance.now()
      for (const [inputs, targets] of this.loader) {
        this.losses.push(this.trainStep(inputs, targets))
        unitsPerStep = targets.numel()
        const now = performance.now()
        this.seconds += (now - begun) / 1000
        if (this.diverged) break
        const last = this.step === steps
        if (last || this.step % STEPS_BETWEEN_EVALUATIONS === 0) evaluate()
        if (!last && this.step % checkpointEvery === 0) checkpoint()
        if (last) break
        if (now - lastPause > MS_BETWEEN_PAUSES) {
          report()
          await pause()
          lastPause = performance.now()
        }
        if (signal?.aborted) break
        begun = performance.now()
      }
    }
    if (reported < this.step) report()
    checkpoint()
  }

  /** One update, unless the loss is not finite. @returns the loss before it */
  private trainStep(inputs: Tensor, targets: Tensor): number {
    // In a scope of its own, so that also the last step of a run leaves nothing to the garbage collector.
    return scope(() => {
      const { model, optimizer, settings } = this
      optimizer.paramGroups[0].lr = settings.lr * Math.min(1, (this.step + 1) / WARM_UP)
      optimizer.zeroGrad()
      const loss = this.loss(model.forward(inputs), targets)
      const value = loss.item()
      if (Number.isFinite(value)) {
        loss.backward()
        clipGradNorm_(model.parameters(), LONGEST_GRADIENT)
        optimizer.step()
      }
      return value
    })
  }

  /** Cross-entropy of logits [..., classes]. */
  private loss(logits: Tensor, targets: Tensor, reduction: 'mean' | 'sum' = 'mean'): Tensor {
    return crossEntropy(logits.reshape([-1, this.data.form.classes]), targets.reshape([-1]), { reduction })
  }

  /** Over what is held out, in evaluation mode: draws from no generator that training draws from. */
  evaluate(): Evaluation {
    const { model, data } = this
    let [loss, right, count] = [0, 0, 0]
    const test = () => {
      for (const [inputs, targets] of new DataLoader(data.heldOut, { batchSize: TEST_BATCH, seed: 0 })) {
        const logits = model.forward(inputs)
        loss += this.loss(logits, targets, 'sum').item()
        right += logits.argmax(-1).eq(targets).sum().item()
        count += targets.numel()
      }
    }
    model.eval()
    scope(() => noGrad(test))
    model.train()
    return { step: this.step, loss: loss / count, accuracy: right / count }
  }
}

const timer = () => new Promise<void>((resolve) => setTimeout(resolve))
