import { BLOCK } from './elementwise'
import { loadUpTo, storeUpTo } from './lanes'
import { elu, gelu, geluTanh, hardsigmoid, hardswish, hardtanh, leakyRelu, mish, relu, sigmoid, silu, softplus, tanh } from './unary'

/**
 * What follows a norm while its result is in the first-level cache: y = activation(y + residual) over a run, by the very kernels that would do it
 * afterwards. `residual` is absent where 0. Activations have the codes of `epilogueActivations` in ../norm.ts; 0 is none. p, q and r are theirs.
 */
export function applyEpilogue(y: usize, n: i32, residual: usize, activation: i32, p: f32, q: f32, r: f32): void {
  if (residual) addRun(residual, y, n)
  const blocks = (n + BLOCK - 1) / BLOCK
  switch (activation) {
    case 1: relu(y, y, p, q, r, n, 0, blocks); break
    case 2: leakyRelu(y, y, p, q, r, n, 0, blocks); break
    case 3: elu(y, y, p, q, r, n, 0, blocks); break
    case 4: gelu(y, y, p, q, r, n, 0, blocks); break
    case 5: geluTanh(y, y, p, q, r, n, 0, blocks); break
    case 6: silu(y, y, p, q, r, n, 0, blocks); break
    case 7: mish(y, y, p, q, r, n, 0, blocks); break
    case 8: sigmoid(y, y, p, q, r, n, 0, blocks); break
    case 9: tanh(y, y, p, q, r, n, 0, blocks); break
    case 10: softplus(y, y, p, q, r, n, 0, blocks); break
    case 11: hardtanh(y, y, p, q, r, n, 0, blocks); break
    case 12: hardswish(y, y, p, q, r, n, 0, blocks); break
    case 13: hardsigmoid(y, y, p, q, r, n, 0, blocks); break
  }
}

function addRun(x: usize, y: usize, n: i32): void {
  for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
  if (n > 0) storeUpTo(y, f32x4.add(loadUpTo(y, n), loadUpTo(x, n)), n)
}
