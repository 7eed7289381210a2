import type { Tensor } from '../core/tensor.js'
import '../ops/methods.js'
import { LayerNorm } from '../nn/norm/layer-norm.js'

/**
 * Layer normalization of images over their channels: [N, C, H, W], one mean and variance per sample and position. As torchvision's `LayerNorm2d`,
 * which ConvNeXt is built with.
 */
export class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return super.forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
  }
}
