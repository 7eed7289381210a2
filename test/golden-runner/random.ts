import { noGrad, scope, Tensor } from '../../src/index.js'
import { defaultGenerator } from '../../src/core/random.js'
import { Module } from '../../src/nn/module.js'
import { call, python } from './bindings.js'
import { check, compare, type Errors, Mismatch, valuesOf } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import { checkRepr, checkState, construct, forward, type Runner } from './kinds.js'

const seedOf = (c: GoldenCase): number | bigint => (typeof c.seed === 'string' ? BigInt(c.seed) : (c.seed ?? 0))

/** A program: expressions evaluated in order after `manual_seed(seed)`, each result stored under its key. */
export const runRandom: Runner = (family, c, errors) => {
  call('torch.manual_seed', [seedOf(c)], {})
  if (c.initial_seed !== undefined) check(String(defaultGenerator.initialSeed()) === String(c.initial_seed), `initial seed ${defaultGenerator.initialSeed()}`)
  for (const step of c.program ?? []) {
    if (typeof step === 'string') throw new Mismatch(`don't know how to do '${step}'`)
    compareResult(family, c, step.key, noGrad(() => python(step.expr)), errors)
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
  defaultGenerator.setState(family.array(c, 'state2').toTypedArray() as Uint8Array)
  compare(family, c, 'after', python('torch.randn(5)') as Tensor, errors)
}

function compareState(family: Family, c: GoldenCase, key: string): void {
  const want = family.array(c, key).toTypedArray() as Uint8Array
  const got = defaultGenerator.getState()
  const at = want.findIndex((byte, i) => got[i] !== byte)
  check(got.length === want.length && at < 0, `${key}: byte ${at} is ${got[at]}, expected ${want[at]}`)
}

/** Sums over the axes other than `kept`, in float64. */
class Statistics {
  private readonly n: number
  constructor(
    private readonly x: Tensor,
    private readonly axes: number[],
  ) {
    this.n = axes.reduce((n, a) => n * x.shape[a], 1)
  }

  value(name: string): Tensor {
    const { x, axes } = this
    switch (name) {
      case 'mean':
        return x.mean(axes)
      case 'var_biased':
        return x.var(axes, { correction: 0 })
      case 'min':
        return x.amin(axes)
      case 'max':
        return x.amax(axes)
      case 'sum':
        return x.mean(axes).mul(this.n)
      case 'sum_sq':
        return x.square().sum(axes)
      case 'sum_abs':
        return x.abs().sum(axes)
      default:
        throw new Mismatch(`unknown statistic ${name}`)
    }
  }
}

/** Named pieces of an array too large to store: statistics, corners, slices. */
function piece(x: Tensor, name: string): Tensor {
  const wide = () => x.detach().to('float64')
  const [scopeName, statistic] = name.split('.')
  if (scopeName === 'per_channel') return new Statistics(wide(), [0, 2, 3]).value(statistic)
  if (scopeName === 'per_sample') return new Statistics(wide(), [1, 2, 3]).value(statistic)
  if (name === 'sum') return wide().sum()
  if (name === 'sum_sq') return wide().square().sum()
  if (name === 'sum_abs') return wide().abs().sum()
  if (name === 'min') return x.detach().amin()
  if (name === 'max') return x.detach().amax()
  const flat = x.detach().reshape([-1])
  if (name === 'first64') return flat.slice(0, 0, 64)
  if (name === 'last64') return flat.slice(0, -64)
  const [n, , h, w] = x.shape
  if (name === 'first_corner') return x.detach().select(0, 0).slice(1, 0, 4).slice(2, 0, 4)
  if (name === 'last_corner') return x.detach().select(0, n - 1).slice(1, h - 4).slice(2, w - 4)
  if (name === 'middle_row') return x.detach().select(0, n / 2).select(0, 1).select(0, h / 2)
  throw new Mismatch(`unknown piece ${name}`)
}

/** Sums of many float32 results are judged against the size of their terms; other pieces by the case's own tolerance. */
function comparePieces(family: Family, c: GoldenCase, prefix: string, x: Tensor, errors: Errors): void {
  for (const key of c.keys.filter((k) => k.startsWith(prefix))) {
    const name = key.slice(prefix.length)
    scope(() => {
      const got = piece(x, name)
      // Each term may be off by some roundings of its own, 2^-24 of it, and those of a sum add up.
      if (/(sum|sum_sq|sum_abs)$/.test(name)) compareWithin(family, c, key, got, 2 ** -23 * piece(x, 'sum_abs').item())
      else compare(family, c, key, got, errors)
    })
  }
}

function compareWithin(family: Family, c: GoldenCase, key: string, got: Tensor, allowed: number): void {
  const [g, w] = [valuesOf(got), valuesOf(family.array(c, key))]
  w.forEach((want, i) => {
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
    if (family.has(c, `grad.${name}`)) compareWithin(family, c, `truth64.grad64.${name}`, p.grad, 1e-5 * Math.sqrt(x.numel() / p.numel()))
    // A gradient sums one product per sample and position, as the data's note says.
    else comparePieces(family, c, `grad.${name}.`, p.grad, errors)
  }
}
