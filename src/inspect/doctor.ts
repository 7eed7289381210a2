import { noGrad } from '../autograd/index.js'
import { isFloatingPoint } from '../core/dtype.js'
import { checkOptions, kindOf, ValueError } from '../core/errors.js'
import { scope } from '../core/storage.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import '../ops/methods.js'
import { type CheckpointNorm, floatsOf, normsOf } from './checkpoint-norms.js'
import { advice, type Problem } from './doctor-advice.js'

export interface DoctorOptions {
  /** Added to the variance in the layers; the file doesn't say. Default 1e-5, PyTorch's. */
  eps?: number
  /** Inputs of norms with running averages, by the layers' names: [N, C] or [N, C, ...]. */
  data?: Readonly<Record<string, Tensor>>
}

/** One thing that is wrong with one layer. */
export interface Finding {
  /** Path of the layer, or for tensors of other layers their key. */
  readonly layer: string
  readonly problem: Problem
  /** What was measured. */
  readonly figure: string
  /** Which channels, of how many; null where it concerns the layer. */
  readonly channels: { readonly indices: readonly number[]; readonly of: number } | null
  readonly why: string
  readonly fix: string
}

export interface Diagnosis {
  /** Norms that were examined. */
  readonly norms: number
  /** Of these, with running averages. */
  readonly tracking: number
  readonly findings: readonly Finding[]
}

/** Beyond this standard deviation, float32 and above all float16 lose what is smaller. */
const LARGE_VARIANCE = 1e6
/** A weight below this passes on nothing that float32 would notice beside a bias of 1. */
const COLLAPSED = 1e-6
/** Below this share of eps a variance has no say in what the layer divides by: the output's deviation is under a tenth. */
const SMALL_AGAINST_EPS = 0.01
/** Half the distance between float32 numbers, relative. */
const FLOAT32_ROUNDING = 2 ** -24
/** Rounding of the input becomes this much of the output's unit deviation. */
const AMPLIFIED_ROUNDING = 0.01
/** Fewer samples than this say next to nothing about a variance. */
const FEWEST_SAMPLES = 8
/** Allowed disagreement with data: so many standard errors of the mean, or of the variance's logarithm, beyond a quarter of a deviation or a factor of 2. */
const STANDARD_ERRORS = 5
const SHIFT = 0.25
const FACTOR = 2

/**
 * Says what is wrong with the norms of a checkpoint, by PyTorch's state-dict keys.
 * @param state the file's tensors, as `loadSafetensors` gives them
 * @throws ValueError where the data have a name or a number of channels that the checkpoint has not, or fewer than 8 samples
 */
export function diagnose(state: Readonly<Record<string, Tensor>>, options: DoctorOptions = {}): Diagnosis {
  if (state === null || typeof state !== 'object') throw new TypeError(`diagnose: expected an object of tensors by name, got ${kindOf(state)}`)
  for (const [name, t] of Object.entries(state)) checkTensor('diagnose', name, t)
  checkOptions('diagnose', options, ['eps', 'data'])
  const { eps = 1e-5, data = {} } = options
  const norms = normsOf(state)
  const inputs = inputsFor(norms, data)
  const own = new Set(norms.flatMap(({ name }) => normKeys.map((key) => (name === '' ? key : `${name}.${key}`))))
  const others = Object.entries(state).flatMap(([key, t]) => (own.has(key) ? [] : notFinite(key, 'value', isFloatingPoint(t.dtype) ? floatsOf(t) : null)))
  const findings = norms.flatMap((norm) => [
    ...normKeys.flatMap((key) =>
      notFinite(norm.name, key, { weight: norm.weight, bias: norm.bias, running_mean: norm.runningMean, running_var: norm.runningVar }[key]),
    ),
    ...collapsed(norm),
    ...(norm.runningMean && norm.runningVar ? examineStatistics(norm, norm.runningMean, norm.runningVar, eps) : incomplete(norm)),
    ...compareWithData(norm, inputs.get(norm.name), eps),
  ])
  return { norms: norms.length, tracking: norms.filter((n) => n.runningMean && n.runningVar).length, findings: [...findings, ...others] }
}

const normKeys = ['weight', 'bias', 'running_mean', 'running_var'] as const

const finding = (layer: string, problem: Problem, figure: string, indices: readonly number[] | null = null, of = 0): Finding => ({
  layer,
  problem,
  figure,
  channels: indices && { indices, of },
  ...advice[problem],
})

const where = (values: Float64Array, test: (v: number, i: number) => boolean): number[] => [...values.keys()].filter((i) => test(values[i], i))
const least = (values: Float64Array, indices: readonly number[]): number => Math.min(...indices.map((i) => values[i]))
const most = (values: Float64Array, indices: readonly number[]): number => Math.max(...indices.map((i) => values[i]))
const short = (value: number): string => String(Number(value.toPrecision(3)))

function notFinite(layer: string, what: string, values: Float64Array | null): Finding[] {
  if (!values) return []
  const wrong = where(values, (v) => !Number.isFinite(v))
  if (wrong.length === 0) return []
  return [finding(layer, 'not-finite', `${what} is ${values[wrong[0]]}`, wrong, values.length)]
}

function collapsed({ name, weight }: CheckpointNorm): Finding[] {
  if (!weight) return []
  const dead = where(weight, (v) => Math.abs(v) < COLLAPSED)
  return dead.length === 0
    ? []
    : [finding(name, 'weight-collapsed', `|weight| <= ${short(Math.max(...dead.map((i) => Math.abs(weight[i]))))}`, dead, weight.length)]
}

function incomplete({ name, runningMean, runningVar }: CheckpointNorm): Finding[] {
  if (!runningMean && !runningVar) return []
  return [finding(name, 'incomplete', `${runningMean ? 'running_var' : 'running_mean'} is missing`)]
}

function examineStatistics({ name, batches }: CheckpointNorm, mean: Float64Array, variance: Float64Array, eps: number): Finding[] {
  const channels = variance.length
  const found: Finding[] = []
  const add = (problem: Problem, indices: number[], figure: () => string) => {
    if (indices.length > 0) found.push(finding(name, problem, figure(), indices, channels))
  }
  const initial = mean.every((v) => v === 0) && variance.every((v) => v === 1)
  if (batches === 0)
    found.push(finding(name, 'never-trained', `num_batches_tracked is 0${initial ? ', mean 0 and variance 1' : ', yet the averages have moved'}`))
  else if (initial) found.push(finding(name, 'never-updated', `mean exactly 0 and variance exactly 1${batches === null ? '' : ` after ${batches} batches`}`))
  const negative = where(variance, (v) => v < 0)
  add('variance-negative', negative, () => `running_var down to ${short(least(variance, negative))}`)
  const small = where(variance, (v) => v >= 0 && v < SMALL_AGAINST_EPS * eps)
  add('variance-near-zero', small, () => `running_var down to ${short(least(variance, small))}, eps ${eps}`)
  const large = where(variance, (v) => Number.isFinite(v) && v > LARGE_VARIANCE)
  add('variance-exploding', large, () => `running_var up to ${short(most(variance, large))}`)
  const noise = mean.map((m, i) => (Math.abs(m) * FLOAT32_ROUNDING) / Math.sqrt(variance[i] + eps))
  const noisy = where(noise, (v) => v > AMPLIFIED_ROUNDING)
  add('eps-too-small', noisy, () => {
    const worst = noisy.reduce((a, b) => (noise[b] > noise[a] ? b : a))
    return `mean ${short(mean[worst])}, variance ${short(variance[worst])}, eps ${eps}: float32 rounding of the input becomes ${short(noise[worst])} deviations`
  })
  return found
}

/** The data's tensors by layer. */
function inputsFor(norms: readonly CheckpointNorm[], data: Readonly<Record<string, Tensor>>): Map<string, Tensor> {
  const known = new Map(norms.filter((n) => n.runningMean && n.runningVar).map((n) => [n.name, n.runningMean?.length ?? 0]))
  return new Map(
    Object.entries(data).map(([key, t]) => {
      const channels = known.get(key)
      if (channels === undefined) throw new ValueError(`the data have an input for '${key}', but the checkpoint has no norm of that name with running averages`)
      if (t.ndim < 2 || t.shape[1] !== channels)
        throw new ValueError(`the data's input for '${key}' must be [N, ${channels}, ...], got [${t.shape.join(', ')}]`)
      if (t.shape[0] < FEWEST_SAMPLES)
        throw new ValueError(`the data's input for '${key}' has ${t.shape[0]} samples, which say too little: give at least ${FEWEST_SAMPLES}`)
      return [key, t]
    }),
  )
}

/** Positions of one sample are alike, so only the samples count as independent. */
function compareWithData({ name, runningMean, runningVar }: CheckpointNorm, input: Tensor | undefined, eps: number): Finding[] {
  if (!input || !runningMean || !runningVar) return []
  const [mean, variance] = noGrad(() =>
    scope(() => {
      const x = input.detach().to('float64').transpose(0, 1).flatten(1)
      return [floatsOf(x.mean(1)), floatsOf(x.var(1))]
    }),
  )
  const samples = input.shape[0]
  const shift = mean.map((m, i) => Math.abs(m - runningMean[i]) / Math.sqrt(runningVar[i] + eps))
  const factor = variance.map((v, i) => Math.max((v + eps) / (runningVar[i] + eps), (runningVar[i] + eps) / (v + eps)))
  const allowedShift = SHIFT + STANDARD_ERRORS / Math.sqrt(samples)
  const allowedFactor = FACTOR * Math.exp(STANDARD_ERRORS * Math.sqrt(2 / (samples - 1)))
  const wrong = where(shift, (s, i) => s > allowedShift || factor[i] > allowedFactor)
  if (wrong.length === 0) return []
  const figure = `the data's mean is up to ${short(most(shift, wrong))} deviations off, its variance up to ${short(most(factor, wrong))} times as large or small`
  return [finding(name, 'disagrees-with-data', figure, wrong, mean.length)]
}
