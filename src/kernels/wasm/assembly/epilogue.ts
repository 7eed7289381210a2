import { BLOCK } from './elementwise'
import { loadUpTo, storeUpTo } from './lanes'
import { elu, gelu, geluTanh, hardsigmoid, hardswish, hardtanh, leakyRelu, mish, relu, sigmoid, silu, softplus, tanh } from './unary'

/** y = activation(x) over a run, by the kernel that does it alone, so with the same bits. Codes are those of ../epilogue.ts. p, q and r are its parameters. */
export function activate(activation: i32, x: usize, y: usize, p: f32, q: f32, r: f32, n: i32): void {
  const blocks = (n + BLOCK - 1) / BLOCK
  switch (activation) {
    case 1: relu(x, y, p, q, r, n, 0, blocks); break
    case 2: leakyRelu(x, y, p, q, r, n, 0, blocks); break
    case 3: elu(x, y, p, q, r, n, 0, blocks); break
    case 4: gelu(x, y, p, q, r, n, 0, blocks); break
    case 5: geluTanh(x, y, p, q, r, n, 0, blocks); break
    case 6: silu(x, y, p, q, r, n, 0, blocks); break
    case 7: mish(x, y, p, q, r, n, 0, blocks); break
    case 8: sigmoid(x, y, p, q, r, n, 0, blocks); break
    case 9: tanh(x, y, p, q, r, n, 0, blocks); break
    case 10: softplus(x, y, p, q, r, n, 0, blocks); break
    case 11: hardtanh(x, y, p, q, r, n, 0, blocks); break
    case 12: hardswish(x, y, p, q, r, n, 0, blocks); break
    case 13: hardsigmoid(x, y, p, q, r, n, 0, blocks); break
  }
}

/** What follows a norm while its result is in the first-level cache: y = activation(y + residual). `residual` and `activation` are absent where 0. */
export function applyEpilogue(y: usize, n: i32, residual: usize, activation: i32, p: f32, q: f32, r: f32): void {
  if (residual) addRun(residual, y, n)
  activate(activation, y, y, p, q, r, n)
}

function addRun(x: usize, y: usize, n: i32): void {
  for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
  if (n > 0) storeUpTo(y, f32x4.add(loadUpTo(y, n), loadUpTo(x, n)), n)
}
