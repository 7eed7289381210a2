import type { Kernels } from '../contract.js'
import { attentions } from './attention.js'
import { convolutions } from './conv.js'
import { elementwise } from './elementwise.js'
import { indexings } from './indexing.js'
import { products } from './matmul.js'
import { norms } from './norm.js'
import { optimizers } from './optim.js'
import { pools } from './pool.js'
import { draws } from './random.js'
import { recurrences } from './recurrent.js'
import { reductions } from './reduce.js'
import { responses } from './response.js'
import { softmaxes } from './softmax.js'

/**
 * Every kernel in plain TypeScript: the specification that other backends are tested against, and what runs where they have no kernel.
 * Each takes every dtype and any strides, and computes in float64.
 */
export const reference: Kernels = {
  ...draws,
  ...elementwise,
  ...reductions,
  ...responses,
  ...softmaxes,
  ...products,
  ...attentions,
  ...convolutions,
  ...pools,
  ...indexings,
  ...norms,
  ...recurrences,
  ...optimizers,
}
