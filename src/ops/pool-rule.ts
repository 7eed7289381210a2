import { record } from '../autograd/index.js'
import { numelOf, type Shape } from '../core/shape.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import type { PoolAxis } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { scatterZeros } from './indexing.js'
import { overBatch } from './spatial.js'

/** The maximum and the average over windows, whatever their layout: sliding and adaptive pooling differ in the windows alone. */

export interface ReturnIndices<I extends boolean> {
  /** Return [values, indices], the indices (int64) counted within the pooled axes. Default false. */
  returnIndices?: I
}

/** What a maximum pool returns: [values, indices] where `returnIndices` asks for them. */
export type Pooled<I extends boolean> = I extends true ? [Tensor, Tensor] : Tensor

/** A window's sum is divided by the product of divisors[axis][i], or by one number. */
type Divisors = readonly Float64Array[] | number

const pooledShape = (x: Tensor, axes: readonly PoolAxis[]): number[] => [...x.shape.slice(0, 2), ...axes.map((a) => a.starts.length)]

/** [N, C, ...S] as [N, C, product of S]. */
const flatPlanes = (x: Tensor): Tensor => x.reshape([...x.shape.slice(0, 2), numelOf(x.shape.slice(2))])

/**
 * The largest element of each window of an input with or without batch axis; with `returnIndices` also where in its plane it lies. Else
 * the indices live and die with the graph.
 */
export function maxOverWindows<I extends boolean>(input: Tensor, axes: readonly PoolAxis[], returnIndices: boolean): Pooled<I> {
  let indices: Tensor | null = null
  const y = overBatch(input, axes.length, (x) => {
    const [values, at] = maxWithIndices(x, axes, returnIndices)
    indices = x === input ? at : at.squeeze(0)
    return values
  })
  return (returnIndices && indices ? [y, indices] : y) as Pooled<I>
}

function maxWithIndices(x: Tensor, axes: readonly PoolAxis[], keepIndices: boolean): [Tensor, Tensor] {
  const shape = pooledShape(x, axes)
  const y = emptyTensor(shape, x.dtype)
  const indices = emptyTensor(shape, 'int64')
  kernels.maxPool(x, axes, y, indices)
  record(y, {
    name: `MaxPool${axes.length}DWithIndicesBackward0`,
    inputs: [x],
    [keepIndices ? 'saved' : 'scratch']: [indices],
    backward: (dy) => [maxPoolBackward(dy, indices, x.shape)],
  })
  return [y, indices]
}

/** Each gradient goes to the element that its window chose. */
function maxPoolBackward(dy: Tensor, indices: Tensor, shape: Shape): Tensor {
  const flatShape = [...shape.slice(0, 2), numelOf(shape.slice(2))]
  return scatterZeros(flatShape, 2, flatPlanes(indices), flatPlanes(dy)).reshape(shape)
}

/** The average over each window of an input with or without batch axis. */
export function averageOverWindows(input: Tensor, axes: readonly PoolAxis[], divisors: Divisors): Tensor {
  return overBatch(input, axes.length, (x) => average(x, axes, divisors))
}

function average(x: Tensor, axes: readonly PoolAxis[], divisors: Divisors): Tensor {
  const y = emptyTensor(pooledShape(x, axes), x.dtype)
  kernels.avgPool(x, axes, divisors, y)
  return record(y, {
    name: `AvgPool${axes.length}DBackward0`,
    inputs: [x],
    backward: (dy) => [averageBackward(dy, axes, divisors, x.shape)],
  })
}

/** The transpose of the average, whose gradient is the average again. */
function averageBackward(dy: Tensor, axes: readonly PoolAxis[], divisors: Divisors, shape: Shape): Tensor {
  const dx = emptyTensor(shape, dy.dtype)
  kernels.avgPoolBackward(dy, axes, divisors, dx)
  return record(dx, {
    name: `AvgPool${axes.length}DBackwardBackward0`,
    inputs: [dy],
    backward: (g) => [average(g, axes, divisors)],
  })
}
