import type { Kernels } from '../contract.js'
import { reference } from '../reference/index.js'
import { attentions } from './attention.js'
import { convolutions } from './conv.js'
import { copies } from './copy.js'
import { elementwise } from './elementwise.js'
import { matmul } from './matmul.js'
import { norms } from './norm.js'
import { optimizers } from './optim.js'
import { pools } from './pool.js'
import { draws } from './random.js'
import { recurrences } from './recurrent.js'
import { reductions } from './reduce.js'
import { responses } from './response.js'
import { scatters } from './scatter.js'
import { softmaxes } from './softmax.js'

/** The WebAssembly backend: SIMD kernels for float32, and the reference for everything else. Each family says what it takes itself. */
export const wasm: Kernels = {
  ...reference,
  ...attentions,
  ...convolutions,
  ...copies,
  ...draws,
  ...elementwise,
  ...matmul,
  ...norms,
  ...optimizers,
  ...pools,
  ...recurrences,
  ...reductions,
  ...responses,
  ...scatters,
  ...softmaxes,
}
