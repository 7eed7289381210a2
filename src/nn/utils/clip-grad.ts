import { noGrad } from '../../autograd/index.js'
import { checkNumber, checkOptions, kindOf, RuntimeError, ValueError } from '../../core/errors.js'
import { scope } from '../../core/storage.js'
import { Tensor } from '../../core/tensor.js'
import { tensor } from '../../ops/create.js'
import '../../ops/methods.js'
import { pythonFloat } from '../names.js'

function gradientsOf(owner: string, parameters: Tensor | Iterable<Tensor>): Tensor[] {
  if (typeof parameters !== 'object' || parameters === null || !(parameters instanceof Tensor || Symbol.iterator in parameters)) {
    throw new TypeError(`${owner}: expected tensors, got ${kindOf(parameters)}`)
  }
  const list = parameters instanceof Tensor ? [parameters] : [...parameters]
  return list.flatMap((p) => {
    if (!(p instanceof Tensor)) throw new TypeError(`${owner}: expected tensors, got ${p === null ? 'null' : typeof p}`)
    return p.grad ? [p.grad] : []
  })
}

export interface ClipGradNormOptions {
  /** Order of the norm; Infinity takes the largest magnitude. Default 2. */
  normType?: number
  /** Whether a norm that is NaN or infinite is an error. Default false: the gradients become NaN or 0. */
  errorIfNonfinite?: boolean
}

/**
 * Scales the gradients, in place, so that their norm is at most `maxNorm`: all taken together as one vector, multiplied by
 * min(1, maxNorm / (norm + 1e-6)). Parameters without a gradient are left out.
 * Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063. https://pytorch.org/docs/2.6/generated/torch.nn.utils.clip_grad_norm_.html
 *
 * @param parameters one tensor or several: `model.parameters()`
 * @returns the norm before clipping, a 0-dimensional tensor
 * @throws RuntimeError with PyTorch's text where the norm is not finite and `errorIfNonfinite` is set; ValueError for a maxNorm that is
 * negative or NaN
 */
export function clipGradNorm_(parameters: Tensor | Iterable<Tensor>, maxNorm: number, options: ClipGradNormOptions = {}): Tensor {
  checkOptions('clipGradNorm_', options, ['normType', 'errorIfNonfinite'])
  const { normType = 2, errorIfNonfinite = false } = options
  checkNumber('clipGradNorm_', 'maxNorm', maxNorm)
  if (!(maxNorm >= 0)) throw new ValueError(`clipGradNorm_: maxNorm must be 0 or larger, got ${maxNorm}`)
  const grads = gradientsOf('clipGradNorm_', parameters)
  return noGrad(() =>
    scope(() => {
      const norms = grads.map((g) => g.norm(normType).item())
      const total = norms.length === 0 ? tensor(0) : tensor(norms, { dtype: grads[0].dtype }).norm(normType)
      const norm = total.item()
      if (errorIfNonfinite && !Number.isFinite(norm)) {
        throw new RuntimeError(
          `The total norm of order ${pythonFloat(normType)} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set \`error_if_nonfinite=False\``,
        )
      }
      const factor = maxNorm / (norm + 1e-6)
      // Written so that NaN multiplies, too; by 1 there is nothing to do.
      if (!(factor >= 1)) for (const g of grads) g.mul_(factor)
      return total
    }),
  )
}

/**
 * Cuts each element of the gradients, in place, to the range from -clipValue to clipValue.
 * https://pytorch.org/docs/2.6/generated/torch.nn.utils.clip_grad_value_.html
 * @throws ValueError for a clipValue that is negative or NaN
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  checkNumber('clipGradValue_', 'clipValue', clipValue)
  if (!(clipValue >= 0)) throw new ValueError(`clipGradValue_: clipValue must be 0 or larger, got ${clipValue}`)
  const grads = gradientsOf('clipGradValue_', parameters)
  noGrad(() => {
    for (const g of grads) g.clamp_(-clipValue, clipValue)
  })
}
