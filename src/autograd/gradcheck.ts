import { checkFunction, checkOptions, RuntimeError, ValueError } from '../core/errors.js'
import { scope } from '../core/storage.js'
import { checkTensorList, emptyTensor, Tensor } from '../core/tensor.js'
import { grad } from './backward.js'
import { enableGrad, noGrad } from './mode.js'

export interface GradcheckOptions {
  /** Step of the central difference. Default 1e-6. */
  eps?: number
  /** Absolute tolerance. Default 1e-5. */
  atol?: number
  /** Relative tolerance. Default 1e-3. */
  rtol?: number
  /** Return false instead of throwing on a mismatch. Default true: throw. */
  raiseException?: boolean
}

/** A gradient differs from its numerical estimate. */
export class GradcheckError extends RuntimeError {
  override name = 'GradcheckError'
}

type Fn = (...inputs: Tensor[]) => Tensor | readonly Tensor[]

const list = (value: Tensor | readonly Tensor[]): readonly Tensor[] => (value instanceof Tensor ? [value] : value)

function oneHot(like: Tensor, index: number): Tensor {
  const t = emptyTensor(like.shape, like.dtype)
  const data = t.data as Float64Array
  data.fill(0)
  data[index] = 1
  return t
}

const values = (t: Tensor): Float64Array => {
  const own = contiguousCopy(t)
  return Float64Array.from(own.data as Float64Array)
}

/** Reads logical order without ops: gradcheck must not trust what it checks. */
function contiguousCopy(t: Tensor): Tensor {
  if (t.isContiguous()) return t
  const out = emptyTensor(t.shape, t.dtype)
  const from = t.storage.array(t.dtype) as Float64Array
  const to = out.data as Float64Array
  for (let i = 0; i < to.length; i++) to[i] = from[elementOffset(t, i)]
  return out
}

/** Where the i-th element in logical order lies in the storage. */
function elementOffset(t: Tensor, i: number): number {
  let rest = i
  let at = t.offset
  for (let d = t.ndim - 1; d >= 0; d--) {
    at += (rest % t.shape[d]) * t.strides[d]
    rest = Math.floor(rest / t.shape[d])
  }
  return at
}

/** d output[o] / d input[i] by central differences: rows are inputs' elements. */
function numericalJacobian(fn: Fn, inputs: readonly Tensor[], input: Tensor, eps: number): Float64Array[][] {
  const evaluate = (): Float64Array[] => scope(() => noGrad(() => list(fn(...inputs)).map(values)))
  const rows: Float64Array[][] = []
  for (let i = 0; i < input.numel(); i++) {
    const at = elementOffset(input, i)
    const set = (v: number) => {
      ;(input.storage.array('float64') as Float64Array)[at] = v
    }
    const x = (input.storage.array('float64') as Float64Array)[at]
    set(x + eps)
    const plus = evaluate()
    set(x - eps)
    const minus = evaluate()
    set(x)
    rows.push(plus.map((p, o) => p.map((v, k) => (v - minus[o][k]) / (2 * eps))))
  }
  return rows
}

/** d output[o][k] / d input by backward. */
function gradientOfElement(fn: Fn, inputs: readonly Tensor[], input: Tensor, o: number, k: number): Float64Array {
  return scope(() => {
    const out = list(fn(...inputs))[o]
    const [g] = out.requiresGrad ? grad(out, [input], { gradOutputs: oneHot(out, k), allowUnused: true }) : [null]
    return g ? values(g) : new Float64Array(input.numel())
  })
}

/**
 * Compares each gradient of `fn` with central differences, output element by output element. As `torch.autograd.gradcheck`.
 *
 * @param fn of float64 tensors to a tensor or several; deterministic, and smooth around the inputs
 * @param inputs at least one float64 tensor that requires grad
 * @returns true
 * @throws GradcheckError naming the first output element and input element that differ, and both values, unless `raiseException` is false
 * @throws ValueError where no input requires grad or one that does is not float64
 */
export function gradcheck(fn: Fn, inputs: readonly Tensor[], options: GradcheckOptions = {}): boolean {
  checkOptions('gradcheck', options, ['eps', 'atol', 'rtol', 'raiseException'])
  checkFunction('gradcheck', fn)
  checkTensorList('gradcheck', inputs)
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, raiseException = true } = options
  const checked = inputs.filter((t) => t.requiresGrad)
  if (checked.length === 0)
    throw new ValueError('gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.')
  for (const t of checked)
    if (t.dtype !== 'float64') throw new ValueError(`gradcheck: inputs must be float64, as differences of ${t.dtype} are mostly rounding`)
  try {
    for (const input of checked) {
      const numerical = numericalJacobian(fn, inputs, input, eps)
      const sizes = scope(() => noGrad(() => list(fn(...inputs)).map((o) => o.numel())))
      sizes.forEach((size, o) => {
        for (let k = 0; k < size; k++) {
          gradientOfElement(fn, inputs, input, o, k).forEach((byBackward, i) => {
            const byDifferences = numerical[i][o][k]
            if (Math.abs(byBackward - byDifferences) <= atol + rtol * Math.abs(byDifferences)) return
            throw new GradcheckError(
              `Jacobian mismatch for output ${o} with respect to input ${inputs.indexOf(input)}: d output[${k}] / d input[${i}] is ${byBackward} by backward and ${byDifferences} by differences`,
            )
          })
        }
      })
    }
  } catch (error) {
    if (!raiseException && error instanceof GradcheckError) return false
    throw error
  }
  return true
}

/**
 * Checks second derivatives: `gradcheck` of the gradient of `fn`, with respect to the inputs and to a random upstream gradient.
 * As `torch.autograd.gradgradcheck`.
 * @param gradOutputs one per output; default: numbers from a fixed sequence, since a constant hides errors of normalised outputs
 */
export function gradgradcheck(fn: Fn, inputs: readonly Tensor[], gradOutputs?: readonly Tensor[], options: GradcheckOptions = {}): boolean {
  checkFunction('gradgradcheck', fn)
  checkTensorList('gradgradcheck', inputs)
  if (gradOutputs !== undefined) checkTensorList('gradgradcheck', gradOutputs)
  const upstream =
    gradOutputs ??
    scope(() =>
      noGrad(() =>
        list(fn(...inputs)).map((o) => {
          const t = emptyTensor(o.shape, 'float64')
          const data = t.data as Float64Array
          for (let i = 0; i < data.length; i++) data[i] = Math.sin(1 + 2.3 * i) + 0.3 * Math.cos(7.1 * i)
          return t.requiresGrad_()
        }),
      ),
    )
  const n = inputs.length
  // The differences are taken without a graph, but the gradient that they differentiate needs one.
  const gradient: Fn = (...all) =>
    enableGrad(() => {
      const outs = list(fn(...all.slice(0, n)))
      const wanted = all.slice(0, n).filter((t) => t.requiresGrad)
      const used = outs.map((o, i) => [o, all[n + i]] as const).filter(([o]) => o.requiresGrad)
      const grads = grad(
        used.map(([o]) => o),
        wanted,
        { gradOutputs: used.map(([, g]) => g), createGraph: true, allowUnused: true },
      )
      return grads.filter((g): g is Tensor => g?.requiresGrad === true)
    })
  return gradcheck(gradient, [...inputs, ...upstream], options)
}
