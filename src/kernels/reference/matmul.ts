import { isFloatingPoint } from '../../core/dtype.js'
import type { Activated, Kernels, View } from '../contract.js'
import { load, loadBig, select, store, storeBig } from './access.js'
import { elementwise } from './elementwise.js'

/** out[m, n] += x[m, k] w[k, n], in the order that reads w and out along their rows. */
function multiply(x: Float64Array, w: Float64Array, out: Float64Array, m: number, k: number, n: number): void {
  for (let i = 0; i < m; i++) {
    const row = out.subarray(i * n, (i + 1) * n)
    for (let p = 0; p < k; p++) {
      const a = x[i * k + p]
      const at = p * n
      for (let j = 0; j < n; j++) row[j] += a * w[at + j]
    }
  }
}

function multiplyBig(x: BigInt64Array, w: BigInt64Array, out: BigInt64Array, m: number, k: number, n: number): void {
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) for (let j = 0; j < n; j++) out[i * n + j] += x[i * k + p] * w[p * n + j]
  }
}

function matmul(x: View, w: View, out: View, start: View | null = null, activated: Activated | null = null): void {
  const [batches, m, k] = x.shape
  const n = w.shape[2]
  for (let b = 0; b < batches; b++) {
    const [left, right, target] = [x, w, out].map((view) => select(view, 0, b))
    const from = start && select(start, 0, b)
    if (isFloatingPoint(out.dtype)) {
      const sums = from ? load(from) : new Float64Array(m * n)
      multiply(load(left), load(right), sums, m, k, n)
      store(target, sums)
    } else {
      const sums = from ? loadBig(from) : new BigInt64Array(m * n)
      multiplyBig(loadBig(left), loadBig(right), sums, m, k, n)
      storeBig(target, sums)
    }
  }
  if (activated) elementwise.unary(activated.op, out, activated.y, activated.params)
}

export const products = { matmul } satisfies Partial<Kernels>
