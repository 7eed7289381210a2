import { defaultGenerator } from '../../src/core/random.js'
import { noGrad, Tensor, tensor } from '../../src/index.js'
import { Module } from '../../src/nn/module.js'
import { call, python } from './bindings.js'
import { check, compare, type Errors, Mismatch } from './compare.js'
import { type Family, type GoldenCase, valuesOf } from './data.js'
import { checkRepr, checkState, construct, forward, type Runner } from './kinds.js'

const seedOf = (c: GoldenCase): number | bigint => (typeof c.seed === 'string' ? BigInt(c.seed) : (c.seed ?? 0))

/** A program: expressions evaluated in order after `manual_seed(seed)`, each result stored under its key. */
export const runRandom: Runner = (family, c, errors) => {
  call('torch.manual_seed', [seedOf(c)], {})
  if (c.initial_seed !== undefined)
    check(String(defaultGenerator().initialSeed()) === String(c.initial_seed), `initial seed ${defaultGenerator().initialSeed()}`)
  for (const step of c.program ?? []) {
    if (typeof step === 'string') throw new Mismatch(`don't know how to do '${step}'`)
    compareResult(
      family,
      c,
      step.key,
      noGrad(() => python(step.expr)),
      errors,
    )
  }
}

function compareResult(family: Family, c: GoldenCase, key: string, value: unknown, errors: Errors): void {
  if (value instanceof Tensor) compare(family, c, key, value, errors)
  else if (value instanceof Module) for (const [name, p] of value.namedParameters()) compare(family, c, `${key}.${name}`, p, errors)
  else throw new Mismatch(`${key} gave no tensor and no module`)
}

/** States of the generator after given draws, and what it draws next. */
export const runRngState: Runner = (family, c, errors) => {
  for (const step of c.program ?? []) {
    if (step === 'manual_seed') call('torch.manual_seed', [seedOf(c)], {})
    else if (typeof step === 'string' && /^state\d$/.test(step)) compareState(family, c, step)
    else if (typeof step === 'string') python(`torch.${step}`)
  }
  // 'after' are the numbers that follow on the last state.
  defaultGenerator().setState(family.array(c, 'state2').toTypedArray() as Uint8Array)
  compare(family, c, 'after', python('torch.randn(5)') as Tensor, errors)
}

function compareState(family: Family, c: GoldenCase, key: string): void {
  const want = family.array(c, key).toTypedArray() as Uint8Array
  const got = defaultGenerator().getState()
  const at = want.findIndex((byte, i) => got[i] !== byte)
  check(got.length === want.length && at < 0, `${key}: byte ${at} is ${got[at]}, expected ${want[at]}`)
}

const statistics = ['mean', 'var_biased', 'min', 'max', 'sum', 'sum_sq', 'sum_abs'] as const
type Statistic = (typeof statistics)[number]
const isStatistic = (name: string): name is Statistic => statistics.some((s) => s === name)

/** All statistics in two loops without calls: there are millions of values. */
function statisticsOf(values: Float32Array): Record<Statistic, number> {
  const n = values.length
  let [sum, squares, magnitudes, deviations] = [0, 0, 0, 0]
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < n; i++) {
    const v = values[i]
    sum += v
    squares += v * v
    magnitudes += v < 0 ? -v : v
    if (v < min) min = v
    if (v > max) max = v
  }
  const mean = sum / n
  for (let i = 0; i < n; i++) deviations += (values[i] - mean) ** 2
  return { mean, var_biased: deviations / n, min, max, sum, sum_sq: squares, sum_abs: magnitudes }
}

/** A large tensor's values, read out once, and named pieces of it: statistics in float64, corners, slices. */
class Summary {
  private readonly values: Float32Array
  private readonly known = new Map<string, Record<Statistic, number>[]>()
  constructor(private readonly x: Tensor) {
    this.values = x.detach().toTypedArray() as Float32Array
  }

  /** One statistic over all values, per channel or per sample. */
  statistic(kind: Statistic, per = ''): Float64Array {
    let all = this.known.get(per)
    if (!all) {
      const [n, channels, h, w] = this.x.shape
      const groups = per === 'per_channel' ? this.channels(n, channels, h * w) : per === 'per_sample' ? this.samples(n) : [this.values]
      all = groups.map(statisticsOf)
      this.known.set(per, all)
    }
    return Float64Array.from(all, (one) => one[kind])
  }

  private samples(n: number): Float32Array[] {
    const size = this.values.length / n
    return Array.from({ length: n }, (_, i) => this.values.subarray(i * size, (i + 1) * size))
  }

  private channels(n: number, channels: number, length: number): Float32Array[] {
    return Array.from({ length: channels }, (_, c) => {
      const group = new Float32Array(n * length)
      for (let i = 0; i < n; i++) group.set(this.values.subarray((i * channels + c) * length, (i * channels + c + 1) * length), i * length)
      return group
    })
  }

  /** A part of the tensor as it is. */
  part(name: string): Tensor {
    const x = this.x.detach()
    const [n, , h, w] = x.shape
    switch (name) {
      case 'first64':
        return x.reshape([-1]).slice(0, 0, 64)
      case 'last64':
        return x.reshape([-1]).slice(0, -64)
      case 'first_corner':
        return x.select(0, 0).slice(1, 0, 4).slice(2, 0, 4)
      case 'last_corner':
        return x
          .select(0, n - 1)
          .slice(1, h - 4)
          .slice(2, w - 4)
      case 'middle_row':
        return x
          .select(0, n / 2)
          .select(0, 1)
          .select(0, h / 2)
      default:
        throw new Mismatch(`unknown piece ${name}`)
    }
  }
}

/** Sums of many float32 results are judged against the size of their terms; other pieces by the case's own tolerance. */
function comparePieces(family: Family, c: GoldenCase, prefix: string, x: Tensor, errors: Errors): void {
  const summary = new Summary(x)
  const size = summary.statistic('sum_abs')[0]
  for (const key of c.keys.filter((k) => k.startsWith(prefix))) {
    const name = key.slice(prefix.length)
    const [kind, per] = name.split('.').reverse()
    if (!isStatistic(kind)) compare(family, c, key, summary.part(name), errors)
    else {
      const got = summary.statistic(kind, per)
      // Each term may be off by some roundings of its own, 2^-24 of it, and those of a sum add up.
      if (kind.startsWith('sum')) compareWithin(family, c, key, got, 2 ** -23 * size)
      else compare(family, c, key, tensor(got, { shape: family.array(c, key).shape, dtype: family.array(c, key).dtype }), errors)
    }
  }
}

function compareWithin(family: Family, c: GoldenCase, key: string, g: Float64Array, allowed: number): void {
  valuesOf(family.array(c, key)).forEach((want, i) => {
    const limit = allowed + 1e-6 * Math.abs(want)
    check(Math.abs(g[i] - want) <= limit, `${key}[${i}]: ${g[i]}, expected ${want} within ${limit.toPrecision(3)}`)
  })
}

const SHAPE = [32, 3, 224, 224]

/** Image-sized data that the generator makes from a seed, through a norm, as statistics and slices. */
export const runStatistics: Runner = (family, c, errors) => {
  call('torch.manual_seed', [0], {})
  const x = python(`torch.randn(${SHAPE.join(', ')})`) as Tensor
  if (!c.target) {
    comparePieces(family, { ...c, keys: c.keys.filter((k) => k !== 'next20' && k !== 'middle64') }, '', x, errors)
    const middle = (c as { middle_offset?: number }).middle_offset ?? 0
    compare(family, c, 'middle64', x.reshape([-1]).slice(0, middle, middle + 64), errors)
    compare(family, c, 'next20', python('torch.randn(20)') as Tensor, errors)
    return
  }
  const module = construct(c)
  checkRepr(c, module)
  checkState(module, c.state_dict)
  call('torch.manual_seed', [1], {})
  const g = python(`torch.randn(${SHAPE.join(', ')})`) as Tensor
  if (c.recipe?.includes('one training call')) noGrad(() => forward(module, [x]))
  module.train(c.mode !== 'eval')
  x.requiresGrad_()
  const y = forward(module, [x]) as Tensor
  y.backward(g)
  comparePieces(family, c, 'output.', y, errors)
  check(x.grad !== null, 'the input has no gradient')
  comparePieces(family, c, 'grad.input.', x.grad, errors)
  for (const [name, t] of module.namedBuffers()) if (family.has(c, `buffer_after.${name}`)) compare(family, c, `buffer_after.${name}`, t, errors)
  for (const [name, p] of module.namedParameters()) {
    check(p.grad !== null, `${name} has no gradient`)
    if (family.has(c, `grad.${name}`)) compareWithin(family, c, `truth64.grad64.${name}`, valuesOf(p.grad), 1e-5 * Math.sqrt(x.numel() / p.numel()))
    // A gradient sums one product per sample and position, as the data's note says.
    else comparePieces(family, c, `grad.${name}.`, p.grad, errors)
  }
}
