import type { Dtype } from '../core/dtype.js'
import type { FillTarget } from '../core/random-fill.js'
import { contiguousStrides } from '../core/shape.js'
import { emptyTensor, Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import { toTypedArray } from './item.js'
import { checkOverlap } from './overlap.js'

/**
 * Random numbers are drawn in the order in which the elements lie in memory, as PyTorch's TensorIterator walks them: a transposed matrix
 * gets the numbers of the matrix that it is a view of.
 */

/** The axes from the largest stride to the smallest. */
const memoryOrder = (x: Tensor): number[] => x.strides.map((_, i) => i).sort((a, b) => x.strides[b] - x.strides[a])

const permuted = (x: Tensor, order: readonly number[]): Tensor =>
  new Tensor(
    x.storage,
    x.dtype,
    order.map((d) => x.shape[d]),
    order.map((d) => x.strides[d]),
    x.offset,
  )

/**
 * Runs `fill` over x's elements in memory order.
 * @param fill also gets the tensor that the target is the elements of
 * @param companion a tensor of x's shape whose elements `fill` gets in the same order
 * @throws RuntimeError with PyTorch's text for an expanded tensor, whose elements share memory
 */
export function drawInto(x: Tensor, fill: (target: FillTarget, companion: FillTarget | null, dense: Tensor) => void, companion: Tensor | null = null): void {
  checkOverlap(x)
  const contiguous = x.isContiguous()
  const order = memoryOrder(x)
  const target = contiguous ? x : permuted(x, order)
  // A copy outside the tensors' memory, which may move when a tensor is made.
  const given = companion && { data: toTypedArray(contiguous ? companion : permuted(companion, order)), dtype: companion.dtype }
  const dense = target.isContiguous() ? target : emptyTensor(target.shape, x.dtype)
  fill({ data: dense.data, dtype: x.dtype, contiguous }, given, dense)
  if (dense !== target) {
    kernels.copy(dense, target)
    dense.dispose()
  }
}

/** Undefined contents, without gaps, its axes in memory in the order of x's. As `torch.empty_like`. */
export function denseLike(x: Tensor, dtype: Dtype = x.dtype): Tensor {
  const y = emptyTensor(x.shape, dtype)
  if (x.isContiguous() || x.strides.includes(0)) return y
  const order = memoryOrder(x)
  const dense = contiguousStrides(order.map((d) => x.shape[d]))
  return new Tensor(
    y.storage,
    dtype,
    x.shape,
    x.shape.map((_, d) => dense[order.indexOf(d)]),
  )
}
