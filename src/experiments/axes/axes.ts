import { noGrad } from '../../autograd/index.js'
import { ValueError } from '../../core/errors.js'
import { Generator } from '../../core/random.js'
import { numelOf } from '../../core/shape.js'
import { scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import { tensor } from '../../ops/create.js'
import { batchNormAxes, groupNormAxes, instanceNormAxes, type NormAxes, normKinds, trailingAxes } from '../../ops/norm/axes.js'
import { batchNorm } from '../../ops/norm/batch-norm.js'
import { groupNorm } from '../../ops/norm/group-norm.js'
import { instanceNorm } from '../../ops/norm/instance-norm.js'
import { layerNorm } from '../../ops/norm/layer-norm.js'
import { rmsNorm } from '../../ops/norm/rms-norm.js'
import { normal, rand } from '../../ops/random.js'
import type { RunState } from '../experiment.js'
import { type Norm, type NormCode, normCode } from '../norms.js'
import { sharing } from './share.js'

export type AxesNorm = Exclude<Norm, 'none'>

export interface AxesConfig {
  norm: AxesNorm
  /** [N, C, ...], or [N, L, C] and [N, C] for LayerNorm and RMSNorm. */
  shape: readonly number[]
  /** Of GroupNorm. */
  groups: number
  /** Trailing axes that LayerNorm and RMSNorm normalise over. */
  normalizedAxes: number
  /** Whether a weight and bias follow. */
  affine: boolean
  eps: number
  seed: number
}

/** The elements that share one statistic. */
export interface SharedStatistic {
  /** Elements. */
  count: number
  /** What is taken off: 0 for RMSNorm. */
  mean: number
  /** Biased; for RMSNorm the mean square, which stands in its place. */
  variance: number
  /** 1 / sqrt(variance + eps) */
  rstd: number
}

export interface AxesRun extends AxesConfig, RunState {
  /** What refuses this input, in PyTorch's words; then there is nothing behind `before`. */
  error: string | null
  /** Elements in the order in which they lie, the last axis fastest. */
  before: number[]
  /** (before - mean) rstd */
  standardized: number[]
  /** standardized weight + bias: what the library's norm gives. */
  after: number[]
  /** For each element the number of its statistic in `statistics`. */
  group: number[]
  statistics: SharedStatistic[]
  /** For each element the number of its weight and bias; both are empty without `affine`. RMSNorm has no bias. */
  parameter: number[]
  weight: number[]
  bias: number[]
  /** For each element the number of outputs that move when it alone is changed. */
  moved: number[]
  /** Outputs of another statistic that moved, over all elements: 0 where statistics are what they are said to be. */
  strays: number
  /** What has a statistic of its own, and what it is taken over: `N, G` over `C / G, L`. */
  statisticsPer: string
  statisticsOver: string
  parametersPer: string
  code: NormCode
}

/** The axes of a norm on a shape that it takes. */
function axesOf({ norm, shape, groups, normalizedAxes }: AxesConfig): NormAxes {
  switch (norm) {
    case 'batch':
      return batchNormAxes(shape)
    case 'instance':
      return instanceNormAxes(shape)
    case 'group':
      return groupNormAxes(shape, groups)
    case 'layer':
    case 'rms':
      return trailingAxes(normKinds[norm], shape, shape.slice(shape.length - normalizedAxes))
  }
}

function apply({ norm, groups, normalizedAxes, eps }: AxesConfig, x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const trailing = x.shape.slice(x.ndim - normalizedAxes)
  switch (norm) {
    case 'batch':
      return batchNorm(x, null, null, weight, bias, { training: true, eps })
    case 'instance':
      return instanceNorm(x, null, null, weight, bias, { eps })
    case 'group':
      return groupNorm(x, groups, weight, bias, { eps })
    case 'layer':
      return layerNorm(x, trailing, weight, bias, { eps })
    case 'rms':
      return rmsNorm(x, trailing, weight, { eps })
  }
}

/** Every channel (axis 1) with a mean and a deviation of its own, so that what a norm takes away can be seen. Two decimals, to be read. */
function values({ shape, seed }: AxesConfig): number[] {
  const generator = new Generator().manualSeed(seed)
  const channels = [1, shape[1], ...shape.slice(2).map(() => 1)]
  const x = normal(0, 1, shape, { generator, dtype: 'float64' })
  const means = normal(0, 2, channels, { generator, dtype: 'float64' })
  const deviations = rand(channels, { generator, dtype: 'float64' }).mul(1.5).add(0.5)
  return [...x.mul(deviations).add(means).toTypedArray()].map((v) => Math.round(Number(v) * 100) / 100)
}

/**
 * Which elements of an input share a statistic, with all the numbers, in float64. Statistics are of the library's operations, and `after` is what
 * its norm gives.
 */
export function axes(config: AxesConfig): AxesRun {
  return scope(() => noGrad(() => compute(config)))
}

function compute(config: AxesConfig): AxesRun {
  const { shape, affine, eps, seed } = config
  const before = values(config)
  const run: AxesRun = {
    ...config,
    status: 'finished',
    divergence: null,
    error: null,
    before,
    standardized: [],
    after: [],
    group: [],
    statistics: [],
    parameter: [],
    weight: [],
    bias: [],
    moved: [],
    strays: 0,
    statisticsPer: '',
    statisticsOver: '',
    parametersPer: '',
    code: normCode(config.norm, shape, config),
  }
  try {
    const sizesOfParameters = config.norm === 'layer' || config.norm === 'rms' ? shape.slice(shape.length - config.normalizedAxes) : [shape[1]]
    const generator = new Generator().manualSeed(seed + 1)
    const draw = (low: number, high: number) =>
      rand(sizesOfParameters, { generator, dtype: 'float64' })
        .mul(high - low)
        .add(low)
    const weight = affine ? draw(0.5, 1.5) : null
    const bias = affine && config.norm !== 'rms' ? draw(-1, 1) : null
    const norm = (list: readonly number[]) => numbers(apply(config, tensor(list, { dtype: 'float64' }).reshape(shape), weight, bias))
    const after = norm(before)
    const sizes = axesOf(config)
    const { group, parameter, words } = sharing(sizes)
    const x = tensor(before, { dtype: 'float64' }).reshape(sizes.shape)
    const average = (t: Tensor) => t.mean(sizes.shared, { keepdim: true })
    const mean = average(sizes.centered ? x : x.mul(0))
    const variance = average(x.sub(mean).square())
    const rstd = variance.add(eps).rsqrt()
    const [means, variances, rstds] = [mean, variance, rstd].map(numbers)
    const moved = before.map((_, i) => movedBy(norm, before, after, i))
    Object.assign(run, {
      standardized: numbers(x.sub(mean).mul(rstd)),
      after,
      group,
      statistics: means.map((m, i) => ({ count: group.filter((g) => g === i).length, mean: m, variance: variances[i], rstd: rstds[i] })),
      parameter: affine ? parameter : [],
      weight: weight ? numbers(weight) : [],
      bias: bias ? numbers(bias) : [],
      moved: moved.map(({ length }) => length),
      strays: moved.reduce((sum, outputs, i) => sum + outputs.filter((j) => group[j] !== group[i]).length, 0),
      statisticsPer: words.statistics || 'everything',
      statisticsOver: words.over,
      parametersPer: words.parameters,
    } satisfies Partial<AxesRun>)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    run.error = error.message
  }
  return run
}

const numbers = (t: Tensor): number[] => [...t.toTypedArray()].map(Number)

/** Changes one element. @returns the outputs that are no longer the same */
function movedBy(norm: (list: readonly number[]) => number[], before: readonly number[], after: readonly number[], at: number): number[] {
  const changed = [...before]
  changed[at] += 1
  return scope(() => norm(changed).flatMap((v, i) => (v === after[i] ? [] : [i])))
}

/** @throws ValueError for a shape that is too large to show, or of too few axes */
export function checkAxes({ shape, normalizedAxes }: Pick<AxesConfig, 'shape' | 'normalizedAxes'>): void {
  if (shape.length < 2) throw new ValueError(`axes: shape must have 2 to 5 axes, got [${shape.join(', ')}]`)
  if (numelOf(shape) > MOST_ELEMENTS) throw new ValueError(`axes: shape must have at most ${MOST_ELEMENTS} elements, got ${numelOf(shape)}`)
  if (normalizedAxes >= shape.length)
    throw new ValueError(`axes: normalizedAxes must leave the first axis alone: at most ${shape.length - 1} for [${shape.join(', ')}], got ${normalizedAxes}`)
}

const MOST_ELEMENTS = 2048
