import type { Tensor } from '../../core/tensor.js'
import { standardizeWeight } from '../../ops/norm/weight-standardization.js'
import { Conv1d, Conv2d, Conv3d } from '../conv.js'

/**
 * `Conv1d` with standardized weights: each output channel's weights are used with mean 0 and variance 1, (W - mean) / sqrt(var + 1e-5); meant
 * for use with GroupNorm. Qiao et al. 2019, arXiv:1903.10520. State and options are Conv1d's.
 */
export class WSConv1d extends Conv1d {
  protected override kernel(): Tensor {
    return standardizeWeight(this.weight)
  }
}

/** `Conv2d` with standardized weights. See `WSConv1d`. @example new nn.WSConv2d(3, 16, 3, { padding: 1, bias: false }) */
export class WSConv2d extends Conv2d {
  protected override kernel(): Tensor {
    return standardizeWeight(this.weight)
  }
}

/** `Conv3d` with standardized weights. See `WSConv1d`. */
export class WSConv3d extends Conv3d {
  protected override kernel(): Tensor {
    return standardizeWeight(this.weight)
  }
}
