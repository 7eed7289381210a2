import { record } from '../autograd/index.js'
import { dtypes, refuseDtype } from '../core/dtype.js'
import { checkOptions, RuntimeError } from '../core/errors.js'
import { broadcastShapes, formatShape, numelOf } from '../core/shape.js'
import { checkTensor, emptyTensor, type Tensor } from '../core/tensor.js'
import type { View } from '../kernels/contract.js'
import { kernels } from '../kernels/index.js'
import { composed } from './composed.js'

function checkDtypes(a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(`expected m1 and m2 to have the same dtype, but got: ${dtypes[a.dtype].cppName} != ${dtypes[b.dtype].cppName}`)
  }
  if (a.dtype === 'bool') refuseDtype('addmm_impl_cpu_', a.dtype)
}

function checkInner(m: number, k: number, rows: number, columns: number): void {
  if (k !== rows) throw new RuntimeError(`mat1 and mat2 shapes cannot be multiplied (${m}x${k} and ${rows}x${columns})`)
}

/** A matrix as a batch of one. */
const asBatch = (x: Tensor): View => ({
  storage: x.storage,
  dtype: x.dtype,
  shape: [1, x.shape[0], x.shape[1]],
  strides: [0, x.strides[0], x.strides[1]],
  offset: x.offset,
})

/** The product of two matrices [m, k] and [k, n]. As `torch.mm`. */
export function mm(x: Tensor, w: Tensor): Tensor {
  checkTensor('mm', 'input', x)
  checkTensor('mm', 'w', w)
  if (x.ndim !== 2) throw new RuntimeError('self must be a matrix')
  if (w.ndim !== 2) throw new RuntimeError('mat2 must be a matrix')
  checkInner(x.shape[0], x.shape[1], w.shape[0], w.shape[1])
  checkDtypes(x, w)
  const y = emptyTensor([x.shape[0], w.shape[1]], x.dtype)
  kernels.matmul(asBatch(x), asBatch(w), asBatch(y))
  return record(y, {
    name: 'MmBackward0',
    inputs: [x, w],
    saved: [w.requiresGrad ? x : null, x.requiresGrad ? w : null],
    backward: (dy, _, [needsX, needsW]) => [needsX ? mm(dy, w.t()) : null, needsW ? mm(x.t(), dy) : null],
  })
}

/** The products of two batches of matrices [b, m, k] and [b, k, n]. As `torch.bmm`. */
export function bmm(x: Tensor, w: Tensor): Tensor {
  checkTensor('bmm', 'input', x)
  checkTensor('bmm', 'w', w)
  if (x.ndim !== 3) throw new RuntimeError('batch1 must be a 3D tensor')
  if (w.ndim !== 3) throw new RuntimeError('batch2 must be a 3D tensor')
  const [b, m, k] = x.shape
  if (w.shape[0] !== b || w.shape[1] !== k) {
    throw new RuntimeError(`Expected size for first two dimensions of batch2 tensor to be: [${b}, ${k}] but got: [${w.shape[0]}, ${w.shape[1]}].`)
  }
  checkDtypes(x, w)
  const y = emptyTensor([b, m, w.shape[2]], x.dtype)
  kernels.matmul(x, w, y)
  return record(y, {
    name: 'BmmBackward0',
    inputs: [x, w],
    saved: [w.requiresGrad ? x : null, x.requiresGrad ? w : null],
    backward: (dy, _, [needsX, needsW]) => [needsX ? bmm(dy, w.transpose(1, 2)) : null, needsW ? bmm(x.transpose(1, 2), dy) : null],
  })
}

/** The product of a matrix [m, k] and a vector [k]. As `torch.mv`. */
export function mv(x: Tensor, vector: Tensor): Tensor {
  checkTensor('mv', 'input', x)
  checkTensor('mv', 'vector', vector)
  if (x.ndim !== 2 || vector.ndim !== 1) throw new RuntimeError(`vector + matrix @ vector expected, got ${vector.ndim}, ${x.ndim}, ${vector.ndim}`)
  if (x.shape[1] !== vector.shape[0]) {
    throw new RuntimeError(`size mismatch, got input (${x.shape[0]}), mat (${x.shape[0]}x${x.shape[1]}), vec (${vector.shape[0]})`)
  }
  return mm(x, vector.unsqueeze(1)).squeeze(1)
}

/** The inner product of two vectors of equal length. As `torch.dot`. */
export function dot(a: Tensor, b: Tensor): Tensor {
  checkTensor('dot', 'a', a)
  checkTensor('dot', 'b', b)
  if (a.ndim !== 1 || b.ndim !== 1) throw new RuntimeError(`1D tensors expected, but got ${a.ndim}D and ${b.ndim}D tensors`)
  if (a.dtype !== b.dtype) {
    throw new RuntimeError(`dot : expected both vectors to have same dtype, but found ${dtypes[a.dtype].scalarName} and ${dtypes[b.dtype].scalarName}`)
  }
  if (a.shape[0] !== b.shape[0]) {
    throw new RuntimeError(
      `inconsistent tensor size, expected tensor ${formatShape(a.shape)} and src ${formatShape(b.shape)} to have the same number of elements, but got ${a.shape[0]} and ${b.shape[0]} elements respectively`,
    )
  }
  return mm(a.unsqueeze(0), b.unsqueeze(1)).reshape([])
}

/** Every product of an element of a with one of b: [n, m]. As `torch.outer`. */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkTensor('outer', 'a', a)
  checkTensor('outer', 'b', b)
  if (a.ndim !== 1) throw new RuntimeError(`outer: Expected 1-D argument self, but got ${a.ndim}-D`)
  if (b.ndim !== 1) throw new RuntimeError(`outer: Expected 1-D argument vec2, but got ${b.ndim}-D`)
  return a.unsqueeze(1).mul(b)
}

/**
 * The matrix product, as `torch.matmul`: vectors count as a row on the left and a column on the right, whose axis then disappears;
 * further leading dimensions are batches, which broadcast.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensor('matmul', 'a', a)
  checkTensor('matmul', 'b', b)
  if (a.ndim === 0 || b.ndim === 0) {
    throw new RuntimeError(`both arguments to matmul need to be at least 1D, but they are ${a.ndim}D and ${b.ndim}D`)
  }
  if (a.ndim === 1) {
    if (b.ndim === 1) return dot(a, b)
    return b.ndim === 2 ? mm(a.unsqueeze(0), b).squeeze(0) : matmul(a.unsqueeze(0), b).squeeze(-2)
  }
  if (b.ndim === 1) return a.ndim === 2 ? mv(a, b) : matmul(a, b.unsqueeze(1)).squeeze(-1)
  if (b.ndim === 2) {
    if (a.ndim === 2) return mm(a, b)
    // Batches on the left only are rows of one larger matrix.
    return mm(a.flatten(0, -2), b).reshape([...a.shape.slice(0, -1), b.shape[1]])
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2))
  // Broadcast batches are copied for the product.
  const fold = (x: Tensor): Tensor => {
    const matrix = x.shape.slice(-2)
    return x.expand([...batch, ...matrix]).reshape([numelOf(batch), ...matrix])
  }
  return composed([a, b], () => bmm(fold(a), fold(b)).reshape([...batch, a.shape[a.ndim - 2], b.shape[b.ndim - 1]]))
}

export interface AddmmOptions {
  /** Multiplies the first argument. Default 1. */
  beta?: number
  /** Multiplies the product. Default 1. */
  alpha?: number
}

type Product = (a: Tensor, b: Tensor) => Tensor

function addProduct(owner: string, input: Tensor, a: Tensor, b: Tensor, multiply: Product, options: AddmmOptions | undefined): Tensor {
  checkOptions(owner, options, ['beta', 'alpha'])
  const { beta = 1, alpha = 1 } = options ?? {}
  return composed([input, a, b], () => {
    const product = multiply(a, b)
    const scaled = alpha === 1 ? product : product.mul(alpha)
    const start = input.expand(product.shape)
    // With beta 0 NaN and infinity in the input don't reach the result.
    return beta === 0 ? scaled : beta === 1 ? scaled.add(start) : scaled.add(start.mul(beta))
  })
}

/** beta * input + alpha * (a @ b) of matrices; input broadcasts to the product. As `torch.addmm`. */
export function addmm(input: Tensor, a: Tensor, b: Tensor, options?: AddmmOptions): Tensor {
  checkTensor('addmm', 'input', input)
  checkTensor('addmm', 'a', a)
  checkTensor('addmm', 'b', b)
  if (a.ndim !== 2) throw new RuntimeError(`mat1 must be a matrix, got ${a.ndim}-D tensor`)
  if (b.ndim !== 2) throw new RuntimeError(`mat2 must be a matrix, got ${b.ndim}-D tensor`)
  return addProduct('addmm', input, a, b, mm, options)
}

/** beta * input + alpha * (a @ b) of batches of matrices; input broadcasts to the product. As `torch.baddbmm`. */
export const baddbmm = (input: Tensor, a: Tensor, b: Tensor, options?: AddmmOptions): Tensor => addProduct('baddbmm', input, a, b, bmm, options)
