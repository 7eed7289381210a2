import { record } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import { kindOf, NotImplementedError, RuntimeError } from '../core/errors.js'
import { formatShape, type Shape } from '../core/shape.js'
import { checkFits, checkTensor, emptyTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { tensor } from './create.js'

/** Where the elements that `pad` adds come from; see `PadOptions`. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular'

export interface PadOptions {
  /**
   * `'constant'`: one value; `'reflect'`: the input mirrored at its first and last elements, which are not repeated; `'replicate'`: those
   * elements again and again; `'circular'`: the other end. Default `'constant'`.
   */
  mode?: PadMode
  /** What `'constant'` adds. Default 0. */
  value?: number | null
}

/** How many elements are added before and after an axis; negative ones are cut off. */
type Margin = readonly [before: number, after: number]

/**
 * Adds elements around an input, or cuts them off where an amount is negative. As `torch.nn.functional.pad`.
 * @param padding two amounts an axis, before and after, from the last axis on: [left, right, top, bottom, front, back]
 * @throws RuntimeError, NotImplementedError with PyTorch's texts: `'reflect'`, `'replicate'` and `'circular'` take the last one of 2 or 3
 *   axes, the last two of 3 or 4, or the last three of 4 or 5
 */
export function pad(x: Tensor, padding: Shape, ...args: Arguments<[mode: PadMode, value: number | null], PadOptions>): Tensor {
  checkTensor('pad', 'input', x)
  const { mode = 'constant', value = null } = readOptions<PadOptions>('pad', ['mode', 'value'], 2, args)
  if (!Array.isArray(padding)) throw new TypeError(`pad: padding must be an array of amounts, got ${kindOf(padding)}`)
  if (padding.length % 2 !== 0) throw new RuntimeError('Padding length must be divisible by 2')
  for (const amount of padding) if (!Number.isInteger(amount)) throw new TypeError(`pad: amounts must be whole numbers, got ${formatShape(padding)}`)
  const axes = padding.length / 2
  if (axes > x.ndim) {
    throw new RuntimeError(
      `Padding length should be less than or equal to two times the input dimension but got padding length ${padding.length} and input of dimension ${x.ndim}`,
    )
  }
  const margins = x.shape.map((_, d): Margin => {
    const at = 2 * (x.ndim - 1 - d)
    return at < padding.length ? [padding[at], padding[at + 1]] : [0, 0]
  })
  if (mode === 'constant') {
    if (padding.some((amount) => amount > 0)) checkPadded(x, margins, axes)
    return padConstant(x, margins, value ?? 0)
  }
  if (value) throw new RuntimeError(`Padding mode "${mode}" doesn't take in value argument`)
  if (axes < 1 || axes > 3 || (x.ndim !== axes + 1 && x.ndim !== axes + 2)) {
    throw new NotImplementedError('Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now')
  }
  const sourceOf = sources[mode]
  if (!sourceOf) throw new NotImplementedError(`Unrecognised padding mode ${mode}`)
  checkMargins(x, margins, axes, mode)
  if (mode !== 'circular' || padding.every((amount) => amount >= 0)) return composed([x], () => padFromInput(x, margins, sourceOf))
  // What is cut off doesn't come back at the other end.
  const cut = margins.map(([before, after]): Margin => [Math.min(before, 0), Math.min(after, 0)])
  const added = margins.map(([before, after]): Margin => [Math.max(before, 0), Math.max(after, 0)])
  return composed([x], () => padFromInput(padConstant(x, cut, 0), added, sourceOf))
}

function checkPadded(x: Tensor, margins: readonly Margin[], axes: number): void {
  for (let d = x.ndim - axes; d < x.ndim; d++) {
    const [before, after] = margins[d]
    if (x.shape[d] + before + after > 0) continue
    throw new RuntimeError(
      `The input size ${x.shape[d]}, plus negative padding ${before} and ${after} resulted in a negative output size, which is invalid. Check dimension ${d} of your input.`,
    )
  }
}

/** Where a padded axis of `size` reads its element `i`, counted from the first of the input. */
type Source = (i: number, size: number) => number

const sources: Readonly<Record<Exclude<PadMode, 'constant'>, Source>> = {
  reflect: (i, size) => (i < 0 ? -i : i < size ? i : 2 * (size - 1) - i),
  replicate: (i, size) => Math.min(Math.max(i, 0), size - 1),
  circular: (i, size) => ((i % size) + size) % size,
}

/** One axis after the other, so that corners come out right by themselves. */
function padFromInput(x: Tensor, margins: readonly Margin[], sourceOf: Source): Tensor {
  checkFits(
    x.shape.map((size, d) => size + margins[d][0] + margins[d][1]),
    x.dtype,
  )
  let y = x
  margins.forEach(([before, after], d) => {
    if (before === 0 && after === 0) return
    const size = x.shape[d]
    const index = tensor(BigInt64Array.from({ length: before + size + after }, (_, i) => BigInt(sourceOf(i - before, size))))
    const padded = y.indexSelect(d, index)
    if (y !== x) y.dispose()
    y = padded
  })
  return y === x ? x.clone() : y
}

function checkMargins(x: Tensor, margins: readonly Margin[], axes: number, mode: PadMode): void {
  const sizes = margins.map(([before, after], d) => x.shape[d] + before + after)
  if (mode === 'circular') {
    margins.forEach(([before, after], d) => {
      if (before > x.shape[d] || after > x.shape[d]) throw new RuntimeError('Padding value causes wrapping around more than once.')
      if (x.shape[d] + Math.min(before, 0) + Math.min(after, 0) <= 0 && sizes[d] !== 0) {
        throw new RuntimeError('Negative padding value is resulting in an empty dimension')
      }
    })
    return
  }
  if (x.shape.some((s, d) => s === 0 && (d > 0 || x.ndim === axes + 1))) {
    throw new RuntimeError(
      `Expected ${axes + 1}D or ${axes + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ${formatShape(x.shape)}`,
    )
  }
  if (mode === 'reflect') {
    for (let d = x.ndim - 1; d >= x.ndim - axes; d--) {
      const [before, after] = margins[d]
      if (before < x.shape[d] && after < x.shape[d]) continue
      throw new RuntimeError(
        `Argument #${4 + 2 * (x.ndim - 1 - d)}: Padding size should be less than the corresponding input dimension, but got: padding (${before}, ${after}) at dimension ${d} of input ${formatShape(x.shape)}`,
      )
    }
  }
  if (sizes.slice(-axes).some((s) => s < 1)) {
    const named = (list: Shape) => list.slice(-axes).map((s, i) => `${'DHW'[3 - axes + i]}: ${s}`)
    throw new RuntimeError(`input (${named(x.shape).join(', ')}) is too small. Calculated output ${named(sizes).join(' ')}`)
  }
}

/** The part of a tensor that begins at `starts`, outside the graph. */
function partOf(x: Tensor, starts: Shape, sizes: Shape): Tensor {
  const offset = starts.reduce((at, start, d) => at + start * x.strides[d], x.offset)
  return new Tensor(x.storage, x.dtype, sizes, x.strides, offset)
}

/** Adding a margin and cutting one off are each other's gradient: both are this function, with the signs turned. */
function padConstant(x: Tensor, margins: readonly Margin[], value: number): Tensor {
  const shape = x.shape.map((s, d) => s + margins[d][0] + margins[d][1])
  const shared = x.shape.map((s, d) => s + Math.min(margins[d][0], 0) + Math.min(margins[d][1], 0))
  if (shape.some((s) => s < 0) || shared.some((s) => s < 0)) throw new RuntimeError('narrow(): length must be non-negative.')
  const y = emptyTensor(shape, x.dtype)
  if (margins.some(([before, after]) => before > 0 || after > 0)) kernels.fill(y, value)
  const startsIn = (sign: number) => margins.map(([before]) => Math.max(0, sign * before))
  kernels.copy(partOf(x, startsIn(-1), shared), partOf(y, startsIn(1), shared))
  return record(y, {
    name: 'ConstantPadNdBackward0',
    inputs: [x],
    backward: (dy) => [
      padConstant(
        dy,
        margins.map(([before, after]) => [-before, -after]),
        0,
      ),
    ],
  })
}
