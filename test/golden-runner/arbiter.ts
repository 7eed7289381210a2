import type { Tensor } from '../../src/core/tensor.js'
import { type Family, type GoldenCase, valuesOf } from './data.js'
import { type ExactNorm, exactNorm } from './exact.js'

/** Largest distance from the exact result, of what we computed and of what is stored. */
export interface Verdict {
  ours: number
  stored: number
}

const distance = (a: Float64Array, b: Float64Array): number => a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i])), 0)

function optional(family: Family, c: GoldenCase, key: string): Float64Array | null {
  return family.has(c, key) ? valuesOf(family.array(c, key)) : null
}

/** Elements that share a statistic, and each element's parameter, for the norms whose own statistics normalise. */
function layoutOf(c: GoldenCase, shape: readonly number[]): { groups: number[][]; parameterOf: (i: number) => number } | null {
  const n = shape.reduce((a, b) => a * b, 1)
  const indices = Array.from({ length: n }, (_, i) => i)
  if (c.target === 'torch.nn.LayerNorm') {
    const given = c.init?.args[0]
    const size = (Array.isArray(given) ? given : [given]).reduce((a: number, b) => a * Number(b), 1)
    const rows = Array.from({ length: n / size }, (_, r) => indices.slice(r * size, (r + 1) * size))
    return { groups: rows, parameterOf: (i) => i % size }
  }
  if (c.target?.startsWith('torch.nn.BatchNorm') && c.mode === 'train') {
    const length = shape.slice(2).reduce((a, b) => a * b, 1)
    const channelOf = (i: number) => Math.floor(i / length) % shape[1]
    return { groups: Array.from({ length: shape[1] }, (_, ch) => indices.filter((i) => channelOf(i) === ch)), parameterOf: channelOf }
  }
  const perSample = c.target?.startsWith('torch.nn.InstanceNorm') && (c.mode === 'train' || !c.init?.kwargs.track_running_stats)
  if (c.target === 'torch.nn.GroupNorm' || perSample) {
    const length = shape.slice(2).reduce((a, b) => a * b, 1)
    const channelOf = (i: number) => Math.floor(i / length) % shape[1]
    const size = c.target === 'torch.nn.GroupNorm' ? (shape[1] / Number(c.init?.args[0])) * length : length
    return { groups: Array.from({ length: n / size }, (_, r) => indices.slice(r * size, (r + 1) * size)), parameterOf: channelOf }
  }
  return null
}

const results: Readonly<Record<string, keyof ExactNorm>> = { output: 'output', 'grad.input': 'gradInput', 'grad.weight': 'gradWeight' }

/** For the output and gradients of a norm that centers: who is closer to the truth. Null for anything else. */
export function judge(family: Family, c: GoldenCase, key: string, got: Tensor): Verdict | null {
  if (!['module', 'no_error'].includes(c.kind) || !(key in results)) return null
  const input = family.array(c, 'input')
  const layout = layoutOf(c, input.shape)
  if (!layout || valuesOf(input).some((v) => !Number.isFinite(v))) return null
  const exact = exactNorm(
    valuesOf(input),
    optional(family, c, 'upstream'),
    optional(family, c, 'param.weight'),
    optional(family, c, 'param.bias'),
    Number(c.init?.kwargs.eps ?? 1e-5),
    layout.groups,
    layout.parameterOf,
  )
  const truth = exact[results[key]]
  return { ours: distance(valuesOf(got), truth), stored: distance(valuesOf(family.array(c, key)), truth) }
}
