import { checkOptions, RuntimeError } from '../core/errors.js'
import { formatShape, numberList, type Shape } from '../core/shape.js'
import { checkTensor, type Tensor } from '../core/tensor.js'
import { composed } from './composed.js'
import { tensor } from './create.js'
import { indexZeros } from './indexing.js'
import { pad } from './pad.js'
import { overBatch, type PerAxis } from './spatial.js'

export interface FoldOptions {
  /** Distance between the elements of a block. Default 1. */
  dilation?: PerAxis
  /** Zeros on both sides of each axis. Default 0. */
  padding?: PerAxis
  /** Distance between neighbouring blocks. Default 1. */
  stride?: PerAxis
}

/** How blocks lie on a padded image of `size`, `counts` of them along each axis. */
interface Blocks {
  kernel: Shape
  dilation: Shape
  padding: Shape
  stride: Shape
  size: Shape
  counts: Shape
}

function pair(owner: string, name: string, value: PerAxis): Shape {
  const list = typeof value === 'number' ? [value, value] : numberList(owner, name, value)
  if (list.length !== 2) throw new RuntimeError(`It is expected ${name} equals to 2, but got size ${list.length}`)
  return list
}

function blocksOf(owner: string, size: Shape, kernelSize: PerAxis, options: FoldOptions): Blocks {
  checkOptions(owner, options, ['dilation', 'padding', 'stride'])
  const kernel = pair(owner, 'kernel_size', kernelSize)
  const dilation = pair(owner, 'dilation', options.dilation ?? 1)
  const padding = pair(owner, 'padding', options.padding ?? 0)
  const stride = pair(owner, 'stride', options.stride ?? 1)
  const check = (what: string, name: string, values: Shape, ok: (v: number) => boolean) => {
    if (!values.every((v) => Number.isInteger(v) && ok(v))) throw new RuntimeError(`${what}, but got ${name}_height: ${values[0]} ${name}_width: ${values[1]}`)
  }
  check('kernel size should be greater than zero', 'kernel', kernel, (v) => v > 0)
  check('dilation should be greater than zero', 'dilation', dilation, (v) => v > 0)
  check('padding should be non-negative', 'pad', padding, (v) => v >= 0)
  check('stride should be greater than zero', 'stride', stride, (v) => v > 0)
  const padded = size.map((s, i) => s + 2 * padding[i])
  const counts = padded.map((s, i) => Math.floor((s - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1)
  return { kernel, dilation, padding, stride, size: padded, counts }
}

/** For each element of a block, and for each block, where it lies in the flattened padded image. */
function positions({ kernel, dilation, stride, size, counts }: Blocks): Tensor {
  const at = new BigInt64Array(kernel[0] * kernel[1] * counts[0] * counts[1])
  let i = 0
  for (let a = 0; a < kernel[0]; a++) {
    for (let b = 0; b < kernel[1]; b++) {
      for (let y = 0; y < counts[0]; y++) {
        const row = (y * stride[0] + a * dilation[0]) * size[1] + b * dilation[1]
        for (let x = 0; x < counts[1]; x++) at[i++] = BigInt(row + x * stride[1])
      }
    }
  }
  return tensor(at)
}

const tuple = ([a, b]: Shape): string => `(${a}, ${b})`
const describe = ({ kernel, dilation, padding }: Blocks): string => `kernel_size=${tuple(kernel)}, dilation=${tuple(dilation)}, padding=${tuple(padding)}`

/**
 * Sliding blocks of an image as columns ("im2col"). As `torch.nn.functional.unfold`.
 * @param x [N, C, H, W] or [C, H, W]
 * @returns [N, C · KH · KW, L], L blocks row by row
 * @throws RuntimeError where no block fits
 */
export function unfold(x: Tensor, kernelSize: PerAxis, options: FoldOptions = {}): Tensor {
  checkTensor('unfold', 'input', x)
  const blocks = blocksOf('unfold', x.shape.slice(-2), kernelSize, options)
  if (x.ndim !== 3 && x.ndim !== 4) throw new RuntimeError(`Expected 3D or 4D (batch mode) tensor for input, but got: ${formatShape(x.shape)}`)
  const { kernel, padding, size, counts } = blocks
  if (counts.some((n) => n < 1)) {
    throw new RuntimeError(
      `Given input with spatial size ${tuple(x.shape.slice(-2))}, ${describe(blocks)}, calculated shape of the array of sliding blocks as ${tuple(counts)}, but its components must be at least one.`,
    )
  }
  const columnsOf = (x: Tensor): Tensor => {
    const [batch, channels] = x.shape
    const padded = padding.some((p) => p > 0) ? pad(x, [padding[1], padding[1], padding[0], padding[0]]) : x
    return padded
      .reshape([batch, channels, size[0] * size[1]])
      .indexSelect(2, positions(blocks))
      .reshape([batch, channels * kernel[0] * kernel[1], counts[0] * counts[1]])
  }
  return composed([x], () => overBatch(x, 2, columnsOf))
}

/**
 * Adds columns up to an image: the transpose of `unfold` ("col2im"). As `torch.nn.functional.fold`.
 * @param x [N, C · KH · KW, L] or [C · KH · KW, L]
 * @param outputSize H and W
 * @returns [N, C, H, W]
 * @throws RuntimeError where the columns are not those of such an image
 */
export function fold(x: Tensor, outputSize: PerAxis, kernelSize: PerAxis, options: FoldOptions = {}): Tensor {
  checkTensor('fold', 'input', x)
  const output = pair('fold', 'output_size', outputSize)
  const blocks = blocksOf('fold', output, kernelSize, options)
  if ((x.ndim !== 2 && x.ndim !== 3) || x.shape.slice(-2).includes(0)) {
    throw new RuntimeError(
      `Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: ${formatShape(x.shape)}`,
    )
  }
  const { kernel, stride, padding, size, counts } = blocks
  const [rows, columns] = x.shape.slice(-2)
  const area = kernel[0] * kernel[1]
  if (rows % area !== 0) {
    throw new RuntimeError(
      `Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=${rows} and kernel_size=${tuple(kernel)}.`,
    )
  }
  if (counts.some((n) => n < 1) || columns !== counts[0] * counts[1]) {
    throw new RuntimeError(
      `Given output_size=${tuple(output)}, ${describe(blocks)}, stride=${tuple(stride)}, expected size of input's dimension 2 to match the calculated number of sliding blocks ${counts[0]} * ${counts[1]} = ${counts[0] * counts[1]}, but got input.size(2)=${columns}.`,
    )
  }
  const imageOf = (x: Tensor): Tensor => {
    const [batch] = x.shape
    const channels = rows / area
    const image = indexZeros([batch, channels, size[0] * size[1]], 2, positions(blocks), x.reshape([batch, channels, area * columns]))
    const padded = image.reshape([batch, channels, ...size])
    return padding.some((p) => p > 0) ? pad(padded, [-padding[1], -padding[1], -padding[0], -padding[0]]) : padded
  }
  return composed([x], () => overBatch(x, 1, imageOf))
}
