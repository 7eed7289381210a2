import { isFloatingPoint } from '../../src/core/dtype.js'
import type { Tensor } from '../../src/core/tensor.js'
import { judge } from './arbiter.js'
import { type Family, type GoldenCase, type Tolerance, valuesOf } from './data.js'

/** A result that differs from what is stored. */
export class Mismatch extends Error {
  override name = 'Mismatch'
}

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Mismatch(message)
}

/** Errors seen in one case, for the report. */
export interface Errors {
  /** Largest |got - want| / (rtol |want| + atol scale): below 1 passes. */
  worst: number
  /** By key, where the data give truth64 and PyTorch's own error: ours and theirs against float64. */
  accuracy: { key: string; ours: number; torch: number }[]
  /** Results outside the tolerance that are closer to exact arithmetic than the stored ones: said in the report. */
  closerThanStored: string[]
}

const scaleOf = (want: Float64Array, floor: number): number => want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), floor)

/** Error of one element relative to its allowance; 0 for equal NaN and infinities, infinity for a wrong pattern. */
function relativeError(got: number, want: number, allowance: number): number {
  if (Object.is(got, want) || got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0
  const error = Math.abs(got - want)
  return Number.isFinite(error) && allowance > 0 ? error / allowance : Number.POSITIVE_INFINITY
}

function worstOf(got: Float64Array, want: Float64Array, t: Tolerance, extra = 0): { worst: number; at: number } {
  const { rtol, atol } = { rtol: t.rtol ?? 0, atol: t.atol ?? 0 }
  const scale = scaleOf(want, t.floor)
  let worst = 0
  let at = -1
  for (let i = 0; i < want.length; i++) {
    const e = relativeError(got[i], want[i], Math.max(rtol * Math.abs(want[i]) + atol * scale, extra))
    if (e > worst) {
      worst = e
      at = i
    }
  }
  return { worst, at }
}

/**
 * Compares one array by the rules of test/golden/README.md.
 * @throws Mismatch saying which element differs by how much
 */
export function compare(family: Family, c: GoldenCase, key: string, got: Tensor, errors: Errors, stored = key): void {
  const want = family.array(c, stored)
  check(got.dtype === want.dtype, `${key}: dtype ${got.dtype}, expected ${want.dtype}`)
  check(got.shape.join() === want.shape.join(), `${key}: shape [${got.shape}], expected [${want.shape}]`)
  if (!isFloatingPoint(want.dtype)) {
    const [g, w] = [got.detach().toTypedArray(), want.toTypedArray()]
    const at = w.findIndex((v: number | bigint, i: number) => v !== g[i])
    check(at < 0, `${key}[${at}]: ${g[at]}, expected ${w[at]}`)
    return
  }
  const values = valuesOf(got)
  const wanted = valuesOf(want)
  const torchError = c.torch_error?.[key]
  const truthKey = `truth64.${stored}`
  const truth = family.has(c, truthKey) ? valuesOf(family.array(c, truthKey)) : null
  if (truth && typeof torchError === 'number') {
    errors.accuracy.push({ key, ours: largestError(values, truth), torch: torchError })
  }
  if (c.either?.includes(key)) return compareEither(family, c, key, values)
  const tolerance = family.tolerances[c.tolerance]
  let result: { worst: number; at: number }
  if (c.tolerance === 'f32_hard' && truth && typeof torchError === 'number') {
    const ordinary = family.tolerances.f32
    const allowances = [0, 1].map((floor) => worstOf(values, truth, { ...ordinary, floor }, 4 * torchError))
    result = allowances[0].worst < allowances[1].worst ? allowances[0] : allowances[1]
    // Where PyTorch's float32 overflows and float64 does not, its own result counts as well.
    if (result.worst > 1) {
      const own = worstOf(values, wanted, ordinary)
      if (own.worst < result.worst) result = own
    }
  } else result = worstOf(values, wanted, c.tolerance === 'f32_hard' ? family.tolerances.f32 : tolerance, trajectoryAllowance(c, torchError))
  // Where an eps of 0 divides by nothing, float32's last bit decides between NaN and infinity.
  if (result.worst > 1 && truth && typeof torchError === 'string' && worstOf(values, truth, family.tolerances.f32).worst <= 1) {
    errors.closerThanStored.push(`${c.name}/${key}: ours is PyTorch's float64 result, whose NaN and infinities the stored one lacks`)
    return
  }
  if (result.worst > 1) {
    const verdict = judge(family, c, key, got)
    if (verdict && verdict.ours <= verdict.stored) {
      errors.closerThanStored.push(
        `${c.name}/${key}: ours is ${verdict.ours.toPrecision(3)} from the exact result, the stored one ${verdict.stored.toPrecision(3)}`,
      )
      return
    }
  }
  errors.worst = Math.max(errors.worst, result.worst)
  check(
    result.worst <= 1,
    `${key}[${result.at}]: ${values[result.at]}, expected ${wanted[result.at]}${truth ? ` (float64: ${truth[result.at]}, torch's error ${torchError})` : ''}; ${result.worst.toPrecision(3)} times what ${c.tolerance} allows`,
  )
}

/** In trajectories an error of 5 times PyTorch's own is allowed: rounding grows from step to step. */
const trajectoryAllowance = (c: GoldenCase, torchError: number | string | undefined): number =>
  c.kind === 'trajectory' && typeof torchError === 'number' ? 5 * torchError : 0

export function largestError(got: Float64Array, truth: Float64Array): number {
  let worst = 0
  for (let i = 0; i < truth.length; i++) {
    if (Object.is(got[i], truth[i]) || (Number.isNaN(got[i]) && Number.isNaN(truth[i]))) continue
    worst = Math.max(worst, Math.abs(got[i] - truth[i]))
  }
  return worst
}

/** Where PyTorch's scalar and vector kernels disagree, an element may equal either. */
function compareEither(family: Family, c: GoldenCase, key: string, values: Float64Array): void {
  const t = c.tolerance === 'f32_hard' ? family.tolerances.f32 : family.tolerances[c.tolerance]
  const paths = ['scalar_path', 'vector_path'].map((p) => valuesOf(family.array(c, `${p}.${key}`)))
  const scales = paths.map((p) => scaleOf(p, t.floor))
  values.forEach((v, i) => {
    const right = paths.some((p, k) => relativeError(v, p[i], (t.rtol ?? 0) * Math.abs(p[i]) + (t.atol ?? 0) * scales[k]) <= 1)
    check(right, `${key}[${i}]: ${v}, expected ${paths.map((p) => p[i]).join(' or ')}`)
  })
}
