import { keep } from '../core/storage.js'
import { checkTensor, Tensor } from '../core/tensor.js'

/**
 * A tensor that a module learns: found by assignment, kept beyond every scope, requiring grad unless told otherwise.
 * It shares the storage of `data` and starts a new history. As `torch.nn.Parameter`.
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, requiresGrad = true) {
    checkTensor('Parameter', 'data', data)
    super(data.storage, data.dtype, data.shape, data.strides, data.offset)
    keep(this)
    this.requiresGrad_(requiresGrad)
  }
}
