import type { Tensor } from '../../core/tensor.js'
import { reshape } from '../../ops/views.js'
import { BatchNorm1d } from './batch-norm.js'

/**
 * Batch normalization of tokens [..., C]: one mean and variance per feature, over all positions of all sequences, padding included. What LayerNorm is
 * compared with in transformers. `BatchNorm1d` in all else.
 */
export class TokenBatchNorm extends BatchNorm1d {
  override forward(input: Tensor): Tensor {
    return reshape(super.forward(reshape(input, [-1, input.shape[input.ndim - 1]])), input.shape)
  }
}
