import { type Dtype, dtypes, isFloatingPoint, type TypedArray } from './dtype.js'
import { checkNumber, IndexError, kindOf, RuntimeError } from './errors.js'
import type { GradFn, GradHook } from './graph.js'
import { formatTensor } from './print.js'
import { contiguousStrides, formatShape, isContiguous, normalizeDim, numelOf, type Shape, sameShape } from './shape.js'
import { Storage } from './storage.js'

const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * An n-dimensional array: a window (`shape`, `strides`, `offset`, in elements) onto a storage that views share.
 *
 * Operations are functions in `ops/` and methods of the same names here; `ops/methods.ts` attaches them, so that this file knows none.
 */
export class Tensor {
  readonly storage: Storage
  readonly dtype: Dtype
  readonly shape: Shape
  readonly strides: Shape
  /** Elements before the first one. */
  readonly offset: number

  /** The node that computed it, or null for a leaf. Set by autograd. */
  gradFn: GradFn | null = null
  /** Which output of `gradFn` it is. */
  outputIndex = 0
  /** Node that adds into `.grad`; made by autograd when a leaf first takes part in a graph. */
  accumulator: GradFn | null = null
  /** Whether a view made it: in-place changes of it would have to reach the base's history. */
  isView = false
  /** How often the storage had got another history when this view was made. */
  historyAtView = 0
  gradHooks: Set<GradHook> | null = null
  private needsGrad = false
  private gradient: Tensor | null = null

  constructor(storage: Storage, dtype: Dtype, shape: Shape, strides: Shape = contiguousStrides(shape), offset = 0) {
    this.storage = storage
    this.dtype = dtype
    this.shape = shape
    this.strides = strides
    this.offset = offset
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length
  }

  /** `size()` is the shape, `size(dim)` one size of it, counted from either end. @throws IndexError where there is no such dimension */
  size(): Shape
  size(dim: number): number
  size(dim?: number): Shape | number {
    if (dim === undefined) return this.shape
    checkNumber('size', 'dim', dim)
    if (this.ndim === 0) throw new IndexError(`Dimension specified as ${dim} but tensor has no dimensions`)
    return this.shape[normalizeDim(dim, this.ndim)]
  }

  /** Number of dimensions, as `ndim`. */
  dim(): number {
    return this.ndim
  }

  /** Number of elements. */
  numel(): number {
    return numelOf(this.shape)
  }

  /** Number of elements, as `numel`. */
  nelement(): number {
    return this.numel()
  }

  /** Bytes of one element. */
  elementSize(): number {
    return dtypes[this.dtype].bytes
  }

  /** Whether the dtype is a floating point one, which alone can require gradients. */
  isFloatingPoint(): boolean {
    return isFloatingPoint(this.dtype)
  }

  /** Whether the elements lie in row-major order without gaps. */
  isContiguous(): boolean {
    return isContiguous(this.shape, this.strides)
  }

  /** True for what users create, false for what an operation on something that requires grad computed. */
  get isLeaf(): boolean {
    return this.gradFn === null
  }

  /** Whether operations on it are recorded for backward; setting it is `requiresGrad_`. */
  get requiresGrad(): boolean {
    return this.needsGrad || this.gradFn !== null
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value)
  }

  /** @throws RuntimeError on a non-leaf that should stop requiring grad, and on integer and bool tensors. */
  requiresGrad_(value = true): this {
    if (this.gradFn !== null) {
      if (value) return this
      throw new RuntimeError(
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().",
      )
    }
    if (value && !isFloatingPoint(this.dtype)) {
      throw new RuntimeError('only Tensors of floating point dtype can require gradients')
    }
    this.needsGrad = value
    return this
  }

  /** The accumulated gradient: same shape and dtype, or null. It lives as long as the tensor does. */
  get grad(): Tensor | null {
    return this.gradient
  }

  set grad(value: Tensor | null) {
    const old = this.gradient
    if (old === value) return
    if (value !== null) {
      if (value.dtype !== this.dtype) {
        throw new RuntimeError(`assigned grad has data of a different type: expected ${this.dtype}, got ${value.dtype}`)
      }
      if (!sameShape(value.shape, this.shape)) {
        throw new RuntimeError(`assigned grad has data of a different size: expected ${formatShape(this.shape)}, got ${formatShape(value.shape)}`)
      }
    }
    this.gradient = value
    // The old one may be in the user's hands, so the current scope ends its life, not this assignment.
    if (old !== null && old.storage !== value?.storage) this.storage.disown(old.storage)
    if (value !== null) this.storage.adopt(value.storage)
  }

  /**
   * The elements where they lie, without a copy: writing changes the tensor. Valid until the next tensor is made (the memory may grow).
   * @throws RuntimeError where the tensor is not contiguous; `toTypedArray()` copies any tensor.
   */
  get data(): TypedArray {
    if (!this.isContiguous()) throw new RuntimeError('data: the tensor is not contiguous; call contiguous() first, or toTypedArray() for a copy')
    const all = this.storage.array(this.dtype)
    return all.subarray(this.offset, this.offset + this.numel())
  }

  /** Releases the memory now if this tensor made it; a view leaves that to its base. Any later use is an error that says so. */
  dispose(): void {
    if (!this.isView) this.storage.release('by dispose()')
  }

  /** What `using` calls: `dispose()`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** As PyTorch prints it; `setPrintOptions` changes how. */
  toString(): string {
    return formatTensor(this)
  }

  /** What `console.log` shows in Node. */
  [inspect](): string {
    return this.storage.releasedBy === null ? formatTensor(this) : `tensor(released ${this.storage.releasedBy})`
  }
}

/** @throws TypeError where an operation is called with something else in the place of a tensor */
export function checkTensor(owner: string, name: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) return
  throw new TypeError(
    value === undefined ? `${owner}: missing 1 required positional argument: '${name}'` : `${owner}: argument '${name}' must be Tensor, not ${kindOf(value)}`,
  )
}

/** The same for an array of tensors. */
export function checkTensorList(owner: string, value: unknown): asserts value is readonly Tensor[] {
  if (!Array.isArray(value)) throw new TypeError(`${owner}: argument 'tensors' must be an array of Tensors, not ${kindOf(value)}`)
  value.forEach((t, i) => {
    if (!(t instanceof Tensor)) throw new TypeError(`${owner}: expected Tensor as element ${i} of argument 'tensors', but got ${kindOf(t)}`)
  })
}

/** The same for one that may be left out. */
export function checkOptionalTensor(owner: string, name: string, value: unknown): asserts value is Tensor | null | undefined {
  if (value !== null && value !== undefined) checkTensor(owner, name, value)
}

/** A tensor with undefined contents, contiguous. */
export function emptyTensor(shape: Shape, dtype: Dtype): Tensor {
  return new Tensor(new Storage(numelOf(shape) * dtypes[dtype].bytes, dtype, shape), dtype, shape)
}

/** Before tables of its size are made. @throws RuntimeError "out of memory: ..." for a shape that there can't be memory for */
export const checkFits = (shape: Shape, dtype: Dtype): void => emptyTensor(shape, dtype).dispose()

/** Another window onto x's storage, outside the graph. */
export function windowOf(x: Tensor, shape: Shape, strides: Shape, offset: number): Tensor {
  const y = new Tensor(x.storage, x.dtype, shape, strides, offset)
  y.isView = true
  y.historyAtView = x.storage.histories
  return y
}
