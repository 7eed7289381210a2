import { inPlace, record } from '../autograd/index.js'
import { checkOptions, IndexError, kindOf, RuntimeError } from '../core/errors.js'
import { broadcastShapes, formatShape, numelOf, type Shape, sameShape } from '../core/shape.js'
import { scope } from '../core/storage.js'
import { checkTensor, emptyTensor, Tensor, windowOf } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'
import { full, tensor } from './create.js'
import { indexSelect } from './indexing.js'
import { toTypedArray } from './item.js'
import { checkOverlap } from './overlap.js'
import { type Operand, tensorOrNull } from './promote.js'
import { sumToSize } from './reduce.js'
import { detach, expand, flatten, permute, reshape, select, slice, unflatten, unsqueeze } from './views.js'

type Bound = number | ''

/** Python's slice as text: `'1:3'`, `':'`, `'::2'`, `'-1:'`; in a template, `${from}:${to}`. */
export type SliceText = `${Bound}:${Bound}` | `${Bound}:${Bound}:${Bound}`

/**
 * What may stand in the brackets of PyTorch's `x[...]`, one for each dimension from the left:
 * a position; a slice as text; `null` for a new axis of size 1; `'...'` for all dimensions that the others leave over; an integer tensor
 * or an array of positions, which pick elements in that order; a bool tensor, which picks where it is true and stands for as many
 * dimensions as it has.
 */
export type Index = number | SliceText | null | '...' | Tensor | readonly number[]

/** A dimension that is indexed by a tensor. */
interface Picked {
  /** Its place in the view. */
  dim: number
  /** Its place in the indexed tensor, for error texts. */
  source: number
  positions: Tensor
}

const isList = (index: Index): index is readonly number[] => Array.isArray(index)

function checkIndex(index: unknown): void {
  if (index === null || ['number', 'string'].includes(typeof index) || Array.isArray(index) || index instanceof Tensor) return
  throw new TypeError(`index: expected positions, slices as text, null, '...', tensors or arrays of positions, got ${kindOf(index)}`)
}

/** How many dimensions an index stands for. */
function dimensionsOf(index: Index): number {
  if (index === null || index === '...') return 0
  return typeof index === 'object' && !isList(index) && index.dtype === 'bool' ? index.ndim : 1
}

function parseSlice(text: string): [start: number | undefined, end: number | undefined, step: number | undefined] {
  const parts = /^(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?$/.exec(text)
  if (!parts) throw new TypeError(`index: expected a slice such as '1:3' or '::2', or '...', got '${text}'`)
  const [, start, end, step] = parts.map((p) => (p === undefined ? undefined : Number(p)))
  return [start, end, step]
}

function checkPosition(position: number, source: number, size: number): void {
  if (!(position >= -size && position < size)) throw new IndexError(`index ${position} is out of bounds for dimension ${source} with size ${size}`)
}

/** Takes all that are views; what remains are the dimensions that tensors pick from. */
function resolve(x: Tensor, indices: readonly Index[]): { view: Tensor; picked: Picked[] } {
  if (!Array.isArray(indices)) throw new TypeError(`indexPut: expected an array of indices, got ${kindOf(indices)}`)
  indices.forEach(checkIndex)
  const taken = indices.reduce<number>((n, index) => n + dimensionsOf(index), 0)
  if (x.ndim === 0 && indices.some((index) => typeof index === 'number')) {
    throw new IndexError('invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number')
  }
  if (taken > x.ndim) throw new IndexError(`too many indices for tensor of dimension ${x.ndim}`)
  if (indices.filter((index) => index === '...').length > 1) throw new IndexError("an index can only have a single ellipsis ('...')")
  const picked: Picked[] = []
  let view = x
  let dim = 0
  let source = 0
  const at = (position: number) => {
    if (!Number.isInteger(position)) throw new TypeError(`index: positions must be whole numbers, got ${position}`)
    checkPosition(position, source, view.shape[dim])
    view = select(view, dim, position)
    source++
  }
  const pick = (positions: Tensor) => picked.push({ dim: dim++, source: source++, positions })
  const mask = (condition: Tensor) => {
    if (condition.ndim === 0) {
      view = unsqueeze(view, dim)
      picked.push({ dim: dim++, source, positions: tensor(condition.item() ? [0] : [], { dtype: 'int64' }) })
      return
    }
    condition.shape.forEach((size, i) => {
      if (size === x.shape[source + i]) return
      throw new IndexError(
        `The shape of the mask ${formatShape(condition.shape)} at index ${i} does not match the shape of the indexed tensor ${formatShape(x.shape)} at index ${source + i}`,
      )
    })
    const places = nonzero(condition)
    for (let i = 0; i < condition.ndim; i++) pick(select(places, 1, i))
  }
  for (const index of indices) {
    if (typeof index === 'number') at(index)
    else if (index === null) view = unsqueeze(view, dim++)
    else if (index === '...') {
      dim += x.ndim - taken
      source += x.ndim - taken
    } else if (typeof index === 'string') {
      view = slice(view, dim++, ...parseSlice(index))
      source++
    } else if (isList(index)) pick(tensor(index, { dtype: 'int64' }))
    else if (index.dtype === 'bool') mask(index)
    else if (!['int64', 'int32', 'uint8'].includes(index.dtype)) throw new IndexError('tensors used as indices must be long, int, byte or bool tensors')
    else if (index.ndim === 0) at(index.item())
    else pick(index)
  }
  return { view, picked }
}

interface Lines {
  /** The view with the picked dimensions side by side, from `start` on. */
  view: Tensor
  start: number
  /** Positions along the picked dimensions as if they were one, int64. */
  positions: Tensor
  /** The shape that the index tensors broadcast to; it takes the place of the picked dimensions. */
  shape: Shape
}

/** Turns several index tensors into one: position = (i * size1 + j) * size2 + k. Where their dimensions lie apart, they move to the front. */
function join(view: Tensor, picked: readonly Picked[]): Lines {
  const shape = broadcastIndices(picked)
  const joined = new BigInt64Array(numelOf(shape))
  for (const { dim, source, positions } of picked) {
    const size = view.shape[dim]
    const values = toTypedArray(sameShape(positions.shape, shape) ? positions : expand(positions, shape))
    const stride = BigInt(size)
    for (let i = 0; i < joined.length; i++) {
      const position = Number(values[i])
      checkPosition(position, source, size)
      joined[i] = joined[i] * stride + BigInt(position < 0 ? position + size : position)
    }
  }
  const dims = picked.map((p) => p.dim)
  const adjacent = dims.every((d, i) => d === dims[0] + i)
  const order = adjacent ? [...view.shape.keys()] : [...dims, ...[...view.shape.keys()].filter((d) => !dims.includes(d))]
  return { view: adjacent ? view : permute(view, order), start: adjacent ? dims[0] : 0, positions: tensor(joined), shape }
}

function broadcastIndices(picked: readonly Picked[]): number[] {
  const shapes = picked.map((p) => p.positions.shape)
  try {
    return broadcastShapes(...shapes)
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    throw new IndexError(`shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.map(formatShape).join(', ')}`)
  }
}

/**
 * PyTorch's `x[...]`: `x.index(0, ':', '1:3')` is `x[0, :, 1:3]`. A view unless a tensor or an array of positions is among the indices;
 * then a copy, whose gradient adds up where an element was taken more than once.
 * @throws IndexError for positions out of range, too many indices, masks of another shape
 */
export function index(x: Tensor, ...indices: Index[]): Tensor {
  checkTensor('index', 'input', x)
  return composed([x], () => {
    const { view, picked } = resolve(x, indices)
    if (picked.length === 0) return view
    const { view: source, start, positions, shape } = join(view, picked)
    return unflatten(indexSelect(flatten(source, start, start + picked.length - 1), start, positions), start, shape)
  })
}

/** Leading axes of size 1 more than the place has don't count, as in PyTorch. */
function broadcastValue(value: Tensor, shape: Shape): Tensor {
  const extra = value.ndim - shape.length
  const surplus = extra > 0 && value.shape.slice(0, extra).every((size) => size === 1)
  return expand(surplus ? reshape(value, value.shape.slice(extra)) : value, shape)
}

/** Writes `value` at the indices, outside any graph. */
const put = (x: Tensor, indices: readonly Index[], value: Operand, accumulate: boolean): void => scope(() => write(x, indices, value, accumulate))

function write(x: Tensor, indices: readonly Index[], value: Operand, accumulate: boolean): void {
  const { view, picked } = resolve(detach(x), indices)
  const given = typeof value === 'number' ? full([], value, { dtype: x.dtype }) : detach(value)
  if (picked.length === 0) {
    const source = broadcastValue(given, view.shape)
    checkOverlap(view, source)
    if (accumulate) kernels.binary('add', view, source, view)
    else kernels.copy(source, view)
    return
  }
  const { view: target, start, positions, shape } = join(view, picked)
  const end = start + picked.length
  const source = broadcastValue(given, [...target.shape.slice(0, start), ...shape, ...target.shape.slice(end)])
  const lines = flatten(source.to(x.dtype), start, start + shape.length - 1)
  const lineOf = lines.shape.map((_, d) => (d === start ? 1 : 0))
  const flat = flatten(target, start, end - 1)
  kernels.scatter(flat, start, windowOf(positions, lines.shape, lineOf, 0), lines, accumulate)
  if (flat.storage !== x.storage) kernels.copy(reshape(flat, target.shape), target)
}

export interface IndexPutOptions {
  /** Add to what is there rather than replace it; a position that comes twice gets both. Default false. */
  accumulate?: boolean
}

function checkPut(options: IndexPutOptions | undefined): boolean {
  checkOptions('indexPut', options, ['accumulate'])
  return options?.accumulate ?? false
}

/**
 * A copy of x with `value` at the indices; see `index` for these. As `torch.index_put` and, for slices, `torch.slice_scatter`.
 * @param value a number, or a tensor that broadcasts to what `index` would return
 */
export function indexPut(x: Tensor, indices: readonly Index[], value: Operand, options?: IndexPutOptions): Tensor {
  checkTensor('indexPut', 'input', x)
  const accumulate = checkPut(options)
  const y = emptyTensor(x.shape, x.dtype)
  kernels.copy(x, y)
  put(y, indices, value, accumulate)
  const source = tensorOrNull(value)
  return record(y, {
    name: 'IndexPutBackward0',
    inputs: [x, source],
    saved: indices.map((i) => (i instanceof Tensor ? i : null)),
    backward: (dy, _, [needsX, needsValue]) => [
      needsX ? (accumulate ? dy : indexPut(dy, indices, 0)) : null,
      needsValue && source ? gradientOfValue(index(dy, ...indices), source.shape) : null,
    ],
  })
}

const gradientOfValue = (dy: Tensor, shape: Shape): Tensor => (dy.ndim < shape.length ? reshape(sumToSize(dy, shape.slice(shape.length - dy.ndim)), shape) : dy)

/** PyTorch's `x[...] = value`: writes `value` at the indices of x. @see indexPut */
export function indexPut_(x: Tensor, indices: readonly Index[], value: Operand, options?: IndexPutOptions): Tensor {
  checkTensor('indexPut_', 'input', x)
  const accumulate = checkPut(options)
  return inPlace(
    x,
    [tensorOrNull(value)],
    () => put(x, indices, value, accumulate),
    (original) => indexPut(original, indices, value, options),
  )
}

/** The positions of the elements that are not zero, in row-major order: int64 [count, number of dimensions]. As `torch.nonzero`. */
export function nonzero(x: Tensor): Tensor {
  checkTensor('nonzero', 'input', x)
  const mask = x.ne(0)
  const flags = toTypedArray(mask)
  mask.dispose()
  const places: bigint[] = []
  for (let i = 0; i < flags.length; i++) if (flags[i]) places.push(BigInt(i))
  const y = emptyTensor([places.length, x.ndim], 'int64')
  const data = y.data
  for (let d = x.ndim - 1; d >= 0; d--) {
    const size = BigInt(x.shape[d])
    places.forEach((place, row) => {
      data[row * x.ndim + d] = place % size
      places[row] = place / size
    })
  }
  return y
}

/** The elements where `mask` is true, one after the other; both broadcast. As `torch.masked_select`. */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  checkTensor('maskedSelect', 'input', x)
  checkTensor('maskedSelect', 'mask', mask)
  if (mask.dtype !== 'bool') throw new RuntimeError('masked_select: expected BoolTensor for mask')
  const shape = broadcastShapes(x.shape, mask.shape)
  return composed([x], () => {
    const places = scope(() => nonzero(reshape(expand(mask, shape), [-1]))).reshape([-1])
    return indexSelect(reshape(expand(x, shape), [-1]), 0, places)
  })
}
