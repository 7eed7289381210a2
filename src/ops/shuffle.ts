import { checkNumber, RuntimeError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'

function checkFactor(owner: string, name: string, x: Tensor, factor: number): void {
  if (x.ndim < 3) throw new RuntimeError(`${owner} expects input to have at least 3 dimensions, but got input with ${x.ndim} dimension(s)`)
  checkNumber(owner, name, factor)
  if (!(Number.isInteger(factor) && factor > 0)) throw new RuntimeError(`${owner} expects a positive ${name}, but got ${factor}`)
}

/**
 * Channels become pixels: [*, C r², H, W] to [*, C, H r, W r]. As `torch.nn.functional.pixel_shuffle`.
 * @param upscaleFactor r
 * @see Shi et al. 2016, arXiv:1609.05158
 */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  checkTensor('pixelShuffle', 'input', x)
  checkFactor('pixel_shuffle', 'upscale_factor', x, upscaleFactor)
  const r = upscaleFactor
  const lead = x.shape.slice(0, -3)
  const [channels, height, width] = x.shape.slice(-3)
  if (channels % r ** 2 !== 0) {
    throw new RuntimeError(
      `pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=${channels} is not divisible by ${r ** 2}`,
    )
  }
  const n = lead.length
  const order = [...lead.keys(), n, n + 3, n + 1, n + 4, n + 2]
  const out = channels / r ** 2
  return x
    .reshape([...lead, out, r, r, height, width])
    .permute(order)
    .reshape([...lead, out, height * r, width * r])
}

/**
 * Pixels become channels: [*, C, H r, W r] to [*, C r², H, W], which undoes `pixelShuffle`. As `torch.nn.functional.pixel_unshuffle`.
 * @param downscaleFactor r
 */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  checkTensor('pixelUnshuffle', 'input', x)
  checkFactor('pixel_unshuffle', 'downscale_factor', x, downscaleFactor)
  const r = downscaleFactor
  const lead = x.shape.slice(0, -3)
  const [channels, height, width] = x.shape.slice(-3)
  const check = (axis: string, dim: number, size: number) => {
    if (size % r === 0) return
    throw new RuntimeError(`pixel_unshuffle expects ${axis} to be divisible by downscale_factor, but input.size(${dim})=${size} is not divisible by ${r}`)
  }
  check('height', -2, height)
  check('width', -1, width)
  const n = lead.length
  const order = [...lead.keys(), n, n + 2, n + 4, n + 1, n + 3]
  return x
    .reshape([...lead, channels, height / r, r, width / r, r])
    .permute(order)
    .reshape([...lead, channels * r ** 2, height / r, width / r])
}

/**
 * Splits the channels of [N, C, *] into groups and interleaves them, so that the next grouped convolution sees all of them. As
 * `torch.nn.functional.channel_shuffle`.
 * @see Zhang et al. 2017, arXiv:1707.01083
 */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  checkTensor('channelShuffle', 'input', x)
  if (x.ndim < 3) throw new RuntimeError(`channel_shuffle expects input with > 2 dims, but got input with sizes ${formatShape(x.shape)}`)
  checkNumber('channelShuffle', 'groups', groups)
  if (!(Number.isInteger(groups) && groups > 0)) throw new RuntimeError(`Number of groups to divide channels in must be positive. Value of groups:${groups}`)
  const [batch, channels, ...rest] = x.shape
  if (channels % groups !== 0) throw new RuntimeError(`Number of channels must be divisible by groups. Got ${channels} channels and ${groups} groups.`)
  return x
    .reshape([batch, groups, channels / groups, ...rest])
    .transpose(1, 2)
    .reshape(x.shape)
}
