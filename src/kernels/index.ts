import type { Kernels } from './contract.js'
import { reference } from './reference/index.js'

export type * from './contract.js'

/** The backend that ops call. */
export const kernels: Kernels = reference
