import { checkOptions } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { batchRenorm } from '../../ops/norm/batch-renorm.js'
import { pythonFloat } from '../names.js'
import { BatchNorm, type BatchNormOptions } from './batch-norm.js'

export interface BatchRenormOptions extends Omit<BatchNormOptions, 'trackRunningStats'> {
  /** Bound of the scale's correction r, from 1 (none) up. Default 3. */
  rMax?: number
  /** Bound of the shift's correction d, from 0 (none) up. Default 5. */
  dMax?: number
}

/** What the three BatchRenorms share; they differ in the ranks they accept. */
abstract class BatchRenorm extends BatchNorm {
  /** May be changed while training: the paper goes from 1 to 3. */
  rMax: number
  /** May be changed while training: the paper goes from 0 to 5. */
  dMax: number

  constructor(numFeatures: number, options: BatchRenormOptions = {}) {
    checkOptions(new.target.name, options, ['eps', 'momentum', 'affine', 'dtype', 'rMax', 'dMax'])
    const { rMax = 3, dMax = 5, ...rest } = options
    super(numFeatures, rest)
    this.rMax = rMax
    this.dMax = dMax
  }

  override forward(input: Tensor): Tensor {
    const { rMax, dMax } = this
    return this.normalize(input, (x, mean, variance, weight, bias, options) =>
      // Without trackRunningStats, which is no option here, there would be none.
      batchRenorm(x, mean as Tensor, variance as Tensor, weight, bias, { ...options, rMax, dMax }),
    )
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, r_max=${pythonFloat(this.rMax)}, d_max=${pythonFloat(this.dMax)}`
  }
}

/**
 * Batch renormalization of [N, C] or [N, C, L], for training with small batches: BatchNorm whose result in training is corrected towards what its
 * running averages would give. Ioffe 2017, arXiv:1702.03275.
 *
 * y = ((x - mean) / sqrt(var + eps) * r + d) * weight + bias, r = sqrt(var + eps) / sqrt(runningVar + eps) within [1 / rMax, rMax],
 * d = (mean - runningMean) / sqrt(runningVar + eps) within [-dMax, dMax]; neither gets a gradient. In evaluation it is BatchNorm, and it
 * has BatchNorm's state.
 *
 * @example new nn.BatchRenorm1d(100, { rMax: 1, dMax: 0 }).forward(randn([4, 100]))
 */
export class BatchRenorm1d extends BatchRenorm {
  protected override get ranks(): readonly number[] {
    return [2, 3]
  }
}

/** Batch renormalization of [N, C, H, W]. See `BatchRenorm1d`. */
export class BatchRenorm2d extends BatchRenorm {
  protected override get ranks(): readonly number[] {
    return [4]
  }
}

/** Batch renormalization of [N, C, D, H, W]. See `BatchRenorm1d`. */
export class BatchRenorm3d extends BatchRenorm {
  protected override get ranks(): readonly number[] {
    return [5]
  }
}
