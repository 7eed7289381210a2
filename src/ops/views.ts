import { record } from '../autograd/index.js'
import { dtypes } from '../core/dtype.js'
import { checkNumber, IndexError, kindOf, RuntimeError, ValueError } from '../core/errors.js'
import { broadcastStrides, contiguousStrides, formatShape, inferShape, normalizeDim, numberList, numelOf, type Shape, viewStrides } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor, windowOf } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'

/** A window onto x's storage, with the rule that brings its gradient back to x's shape. */
function makeView(x: Tensor, name: string, shape: Shape, strides: Shape, offset: number, backward: (dy: Tensor) => Tensor): Tensor {
  return record(windowOf(x, shape, strides, offset), { name, inputs: [x], backward: (dy) => [backward(dy)] })
}

/**
 * Zeros of `shape` with `x` where `take` looks: the gradient of the view `take`, whose own gradient is the view again.
 * @param take makes a view of x's shape of a tensor of `shape`
 */
function embed(x: Tensor, shape: Shape, take: (t: Tensor) => Tensor): Tensor {
  const y = emptyTensor(shape, x.dtype)
  kernels.fill(y, 0)
  kernels.copy(x, take(y))
  return record(y, { name: 'SliceScatterBackward0', inputs: [x], backward: (dy) => [take(dy)] })
}

const sizes = (shape: readonly (number | Shape)[]): Shape => (Array.isArray(shape[0]) ? (shape[0] as Shape) : (shape as Shape))

/**
 * The same elements in the same order under another shape; one size may be -1. A view, never a copy. As `torch.Tensor.view`.
 * @throws RuntimeError where the sizes don't fit, or the strides allow no view (use `reshape`)
 */
export function view(x: Tensor, ...shape: number[] | [Shape]): Tensor {
  checkTensor('view', 'input', x)
  const target = inferShape(sizes(shape), x.numel())
  const from = x.shape
  const strides = viewStrides(from, x.strides, target)
  if (!strides) {
    throw new RuntimeError(
      "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
    )
  }
  return makeView(x, 'ViewBackward0', target, strides, x.offset, (dy) => reshape(dy, from))
}

/** `view` with the shape of another tensor. */
export function viewAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('viewAs', 'other', other)
  return view(x, other.shape)
}

/** As `view`, but copies where the strides allow no view. As `torch.reshape`. */
export function reshape(x: Tensor, ...shape: number[] | [Shape]): Tensor {
  checkTensor('reshape', 'input', x)
  const target = inferShape(sizes(shape), x.numel())
  if (viewStrides(x.shape, x.strides, target)) return view(x, target)
  const from = x.shape
  const y = emptyTensor(target, x.dtype)
  kernels.copy(x, windowOf(y, from, contiguousStrides(from), 0))
  return record(y, { name: 'UnsafeViewBackward0', inputs: [x], backward: (dy) => [reshape(dy, from)] })
}

/** Reorders the dimensions; a view. As `torch.permute`. */
export function permute(x: Tensor, ...dims: number[] | [Shape]): Tensor {
  checkTensor('permute', 'input', x)
  const order = sizes(dims)
  if (order.length !== x.ndim) {
    throw new RuntimeError(
      `permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = ${x.ndim} is not equal to len(dims) = ${order.length}`,
    )
  }
  const from = order.map((d) => normalizeDim(d, x.ndim))
  if (new Set(from).size !== from.length) throw new RuntimeError('permute(): duplicate dims are not allowed.')
  const back = from.map((_, i) => from.indexOf(i))
  return makeView(
    x,
    'PermuteBackward0',
    from.map((d) => x.shape[d]),
    from.map((d) => x.strides[d]),
    x.offset,
    (dy) => permute(dy, back),
  )
}

/** Swaps two dimensions; a view. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  checkTensor('transpose', 'input', x)
  const a = normalizeDim(dim0, x.ndim)
  const b = normalizeDim(dim1, x.ndim)
  const shape = x.shape.slice()
  const strides = x.strides.slice()
  if (x.ndim > 0) {
    ;[shape[a], shape[b]] = [shape[b], shape[a]]
    ;[strides[a], strides[b]] = [strides[b], strides[a]]
  }
  return makeView(x, 'TransposeBackward0', shape, strides, x.offset, (dy) => transpose(dy, a, b))
}

/** The transpose of a matrix; a vector or scalar stays as it is. */
export function t(x: Tensor): Tensor {
  checkTensor('t', 'input', x)
  if (x.ndim > 2) throw new RuntimeError(`t() expects a tensor with <= 2 dimensions, but self is ${x.ndim}D`)
  return x.ndim < 2 ? x : transpose(x, 0, 1)
}

/**
 * Repeats axes of size 1, and adds axes in front, without copying; -1 keeps a size. As `torch.Tensor.expand`.
 * @throws RuntimeError where an axis of another size would have to be repeated
 */
export function expand(x: Tensor, ...shape: number[] | [Shape]): Tensor {
  checkTensor('expand', 'input', x)
  const wanted = sizes(shape)
  for (const size of wanted) if (!Number.isInteger(size)) throw new TypeError(`expand: sizes must be whole numbers, got ${formatShape(wanted)}`)
  const lead = wanted.length - x.ndim
  if (lead < 0) {
    throw new RuntimeError(
      `expand(${dtypes[x.dtype].tensorName}{${formatShape(x.shape)}}, size=${formatShape(wanted)}): the number of sizes provided (${wanted.length}) must be greater or equal to the number of dimensions in the tensor (${x.ndim})`,
    )
  }
  const target = wanted.map((size, i) => {
    const own = i < lead ? 1 : x.shape[i - lead]
    if (size === -1) {
      if (i < lead) throw new RuntimeError(`The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension ${i}`)
      return own
    }
    if (own !== 1 && own !== size) {
      throw new RuntimeError(
        `The expanded size of the tensor (${size}) must match the existing size (${own}) at non-singleton dimension ${i}.  Target sizes: ${formatShape(wanted)}.  Tensor sizes: ${formatShape(x.shape)}`,
      )
    }
    return size
  })
  // The engine sums gradients over repeated axes.
  return makeView(x, 'ExpandBackward0', target, broadcastStrides(x.shape, x.strides, target), x.offset, (dy) => dy)
}

/** `expand` to the shape of another tensor. */
export function expandAs(x: Tensor, other: Tensor): Tensor {
  checkTensor('expandAs', 'other', other)
  return expand(x, other.shape)
}

/** Adds an axis of size 1. */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  checkTensor('unsqueeze', 'input', x)
  const at = normalizeDim(dim, x.ndim + 1)
  const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]
  const strides = [...x.strides.slice(0, at), at < x.ndim ? x.shape[at] * x.strides[at] : 1, ...x.strides.slice(at)]
  return makeView(x, 'UnsqueezeBackward0', shape, strides, x.offset, (dy) => squeeze(dy, at))
}

/** Removes the axes of size 1: all, or those named. */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  checkTensor('squeeze', 'input', x)
  const dims = dim === undefined ? x.shape.map((_, i) => i) : numberList('squeeze', 'dim', dim).map((d) => normalizeDim(d, x.ndim))
  const from = x.shape
  const keep = [...from.keys()].filter((i) => from[i] !== 1 || !dims.includes(i))
  return makeView(
    x,
    'SqueezeBackward0',
    keep.map((i) => x.shape[i]),
    keep.map((i) => x.strides[i]),
    x.offset,
    (dy) => reshape(dy, from),
  )
}

/** Joins the axes from `startDim` to `endDim` into one. As `torch.flatten`. */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  checkTensor('flatten', 'input', x)
  const start = normalizeDim(startDim, x.ndim)
  const end = normalizeDim(endDim, x.ndim)
  if (x.ndim === 0) return reshape(x, [1])
  if (start > end) throw new RuntimeError('flatten() has invalid args: start_dim cannot come after end_dim')
  return reshape(x, [...x.shape.slice(0, start), numelOf(x.shape.slice(start, end + 1)), ...x.shape.slice(end + 1)])
}

/** Splits one axis into several; one size may be -1. As `torch.unflatten`. */
export function unflatten(x: Tensor, dim: number, shape: Shape): Tensor {
  checkTensor('unflatten', 'input', x)
  const d = normalizeDim(dim, x.ndim)
  if (!Array.isArray(shape)) throw new TypeError(`unflatten: sizes must be an array, got ${kindOf(shape)}`)
  if (shape.length === 0) throw new RuntimeError('unflatten: sizes must be non-empty')
  let inner: number[]
  try {
    inner = inferShape(shape, x.shape[d])
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error
    throw new RuntimeError(`unflatten: Provided sizes ${formatShape(shape)} don't multiply up to the size of dim ${d} (${x.shape[d]}) in the input tensor`)
  }
  return view(x, [...x.shape.slice(0, d), ...inner, ...x.shape.slice(d + 1)])
}

/**
 * The elements start, start + step, ... below `end` along `dim`; negative positions count from the end, and both are cut to the size, as
 * Python's slices are. A view.
 * @throws ValueError where `step` is not positive
 */
export function slice(x: Tensor, dim = 0, start = 0, end = Number.POSITIVE_INFINITY, step = 1): Tensor {
  checkTensor('slice', 'input', x)
  if (x.ndim === 0) throw new RuntimeError('slice() cannot be applied to a 0-dim tensor.')
  const d = normalizeDim(dim, x.ndim)
  const from = x.shape
  const size = from[d]
  if (step === 0) throw new ValueError('slice step cannot be zero')
  if (!(Number.isInteger(step) && step > 0)) throw new ValueError('step must be greater than zero')
  if (!Number.isInteger(start) || (end !== Number.POSITIVE_INFINITY && !Number.isInteger(end))) {
    throw new TypeError(`slice: start and end must be whole numbers, got ${start} and ${end}`)
  }
  const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + size : v, 0), size)
  const first = clamp(start)
  const shape = from.slice()
  const strides = x.strides.slice()
  shape[d] = Math.max(0, Math.ceil((clamp(end) - first) / step))
  strides[d] *= step
  return makeView(x, 'SliceBackward0', shape, strides, x.offset + first * x.strides[d], (dy) => embed(dy, from, (t) => slice(t, d, start, end, step)))
}

/** `length` elements from `start` along `dim`; a view. As `torch.narrow`. @throws RuntimeError where they reach beyond the size */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  checkTensor('narrow', 'input', x)
  if (x.ndim === 0) throw new RuntimeError('narrow() cannot be applied to a 0-dim tensor.')
  const d = normalizeDim(dim, x.ndim)
  const size = x.shape[d]
  checkNumber('narrow', 'start', start)
  checkNumber('narrow', 'length', length)
  if (length < 0) throw new RuntimeError('narrow(): length must be non-negative.')
  if (start < -size || start > size) throw new IndexError(`start out of range (expected to be in range of [${-size}, ${size}], but got ${start})`)
  if (!Number.isInteger(start) || !Number.isInteger(length)) throw new TypeError(`narrow: start and length must be whole numbers, got ${start} and ${length}`)
  const from = start < 0 ? start + size : start
  if (from + length > size) throw new RuntimeError(`start (${from}) + length (${length}) exceeds dimension size (${size}).`)
  return slice(x, d, from, from + length)
}

/** One position along `dim`, which disappears; a view. As `torch.select`. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  checkTensor('select', 'input', x)
  if (x.ndim === 0) throw new IndexError('select() cannot be applied to a 0-dim tensor.')
  const d = normalizeDim(dim, x.ndim)
  const size = x.shape[d]
  checkNumber('select', 'index', index)
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new IndexError(`select(): index ${index} out of range for tensor of size ${formatShape(x.shape)} at dimension ${d}`)
  }
  const from = x.shape
  const at = index < 0 ? index + size : index
  const without = (list: Shape) => list.filter((_, i) => i !== d)
  return makeView(x, 'SelectBackward0', without(from), without(x.strides), x.offset + at * x.strides[d], (dy) => embed(dy, from, (t) => select(t, d, at)))
}

/**
 * The diagonal of the matrices that two dimensions span, as a new last dimension; a view. As `torch.diagonal`.
 * @param offset above the main diagonal where positive, below where negative
 */
export function diagonal(x: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
  checkTensor('diagonal', 'input', x)
  const a = normalizeDim(dim1, x.ndim)
  const b = normalizeDim(dim2, x.ndim)
  if (!Number.isInteger(offset)) throw new TypeError(`diagonal: offset must be a whole number, got ${String(offset)}`)
  if (a === b) throw new RuntimeError(`diagonal dimensions cannot be identical ${dim1}, ${dim2}`)
  const from = x.shape
  const length = Math.max(0, offset >= 0 ? Math.min(from[a], from[b] - offset) : Math.min(from[a] + offset, from[b]))
  const start = length === 0 ? 0 : offset >= 0 ? offset * x.strides[b] : -offset * x.strides[a]
  const others = (list: Shape) => list.filter((_, i) => i !== a && i !== b)
  const strides = [...others(x.strides), x.strides[a] + x.strides[b]]
  return makeView(x, 'DiagonalBackward0', [...others(from), length], strides, x.offset + start, (dy) => embed(dy, from, (t) => diagonal(t, offset, a, b)))
}

/** Moves dimensions to other places; the rest keep their order. A view. As `torch.movedim`. */
export function movedim(x: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  checkTensor('movedim', 'input', x)
  const list = (dims: number | readonly number[]) => numberList('movedim', 'dims', dims).map((d) => normalizeDim(d, x.ndim))
  const from = list(source)
  const to = list(destination)
  if (from.length !== to.length) {
    throw new RuntimeError(
      `movedim: Invalid source or destination dims: source (${formatShape(from)} dims) should contain the same number of dims as destination (${formatShape(to)} dims)`,
    )
  }
  if (new Set(from).size !== from.length) throw new RuntimeError(`movedim: repeated dim in \`source\` (${formatShape(from)})`)
  if (new Set(to).size !== to.length) throw new RuntimeError(`movedim: repeated dim in \`destination\` (${formatShape(to)})`)
  const rest = [...x.shape.keys()].filter((d) => !from.includes(d))
  const order = [...x.shape.keys()].map((d) => (to.includes(d) ? from[to.indexOf(d)] : (rest.shift() ?? 0)))
  return permute(x, order)
}

/** The same elements, outside the graph; a view. As `torch.Tensor.detach`. */
export function detach(x: Tensor): Tensor {
  checkTensor('detach', 'input', x)
  return windowOf(x, x.shape, x.strides, x.offset)
}
