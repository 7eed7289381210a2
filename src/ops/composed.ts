import { isGradEnabled } from '../autograd/index.js'
import { scope } from '../core/storage.js'
import type { Tensor } from '../core/tensor.js'

/**
 * Runs an operation that is made of others. Where no graph keeps what it makes on the way, that is released when it returns, rather than
 * with the scope that is open.
 * @param inputs what the graph would be recorded for
 */
export function composed<T>(inputs: readonly (Tensor | null)[], run: () => T): T {
  return isGradEnabled() && inputs.some((t) => t?.requiresGrad) ? run() : scope(run)
}
