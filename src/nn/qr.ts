import { isFloatingPoint } from '../core/dtype.js'
import { emptyTensor, type Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'

/**
 * Q of A = QR by Householder reflections (Golub, Van Loan, Matrix Computations, 5.2), in float64, with R's diagonal made positive.
 * That factorisation is unique, so it equals LAPACK's up to rounding.
 * @param matrix floating point, [m, n] with m >= n, of any strides
 * @returns [m, n] with orthonormal columns, of the matrix's dtype
 */
export function orthonormalColumns(matrix: Tensor): Tensor {
  const [m, n] = matrix.shape
  if (!isFloatingPoint(matrix.dtype) || m < n)
    throw new TypeError(`orthonormalColumns: expected a floating point matrix that is no wider than high, got ${matrix.dtype} ${m} x ${n}`)
  const wide = emptyTensor([n, m], 'float64')
  kernels.copy(matrix.t(), wide)
  // One array a column: a reflection works on whole columns.
  const all = wide.data as Float64Array
  const r = Array.from({ length: n }, (_, j) => all.slice(j * m, (j + 1) * m))
  const reflectors: Float64Array[] = []
  const signs: number[] = []
  for (let k = 0; k < n; k++) {
    const v = r[k].slice(k)
    const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0))
    const diagonal = v[0] > 0 ? -length : length
    v[0] -= diagonal
    signs.push(Math.sign(diagonal))
    reflectors.push(v)
    for (let j = k + 1; j < n; j++) reflect(r[j], v, k)
  }
  // Q's columns: the reflections in reverse, applied to the identity's.
  for (let j = 0; j < n; j++) {
    const column = new Float64Array(m)
    column[j] = signs[j]
    for (let k = n - 1; k >= 0; k--) reflect(column, reflectors[k], k)
    all.set(column, j * m)
  }
  const q = emptyTensor([m, n], matrix.dtype)
  kernels.copy(wide.t(), q)
  wide.dispose()
  return q
}

/** column -= 2 v (v . column) / (v . v), from row k on. */
function reflect(column: Float64Array, v: Float64Array, k: number): void {
  let dot = 0
  let square = 0
  for (let i = 0; i < v.length; i++) {
    dot += v[i] * column[k + i]
    square += v[i] * v[i]
  }
  if (square === 0) return
  const factor = (2 * dot) / square
  for (let i = 0; i < v.length; i++) column[k + i] -= factor * v[i]
}
