import { type Dtype, isFloatingPoint, refuseDtype } from '../core/dtype.js'
import { checkOptions, NotImplementedError, RuntimeError, ValueError } from '../core/errors.js'
import { formatShape, type Shape } from '../core/shape.js'
import { checkFits, checkTensor, type Tensor } from '../core/tensor.js'
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from './adaptive-pool.js'
import { composed } from './composed.js'
import { tensor } from './create.js'
import { antialiased, bicubic, linear, nearest, nearestExact, type Taps, type TapsOf } from './interpolate-taps.js'
import type { PerAxis } from './spatial.js'

/** How an element of the result is made of the input; see `InterpolateOptions`. */
export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'area'

export interface InterpolateOptions {
  /** Sizes of the result, for all spatial axes or one an axis. Either this or `scaleFactor`. */
  size?: PerAxis | null
  /** Ratio of the result's sizes to the input's; sizes are rounded down. */
  scaleFactor?: PerAxis | null
  /** `'linear'` needs one spatial axis, `'bilinear'` and `'bicubic'` two, `'trilinear'` three. Default `'nearest'`. */
  mode?: InterpolateMode
  /** Map the centres of the corner elements onto each other, rather than their outer edges. Default false. */
  alignCorners?: boolean | null
  /** Compute positions from the rounded sizes rather than from `scaleFactor`. Default false. */
  recomputeScaleFactor?: boolean | null
  /** For `'bilinear'` and `'bicubic'`: widen the window as the image shrinks, so that every element counts. Default false. */
  antialias?: boolean
}

const modes: Readonly<Record<Exclude<InterpolateMode, 'area'>, { axes?: number; tapsOf: TapsOf; filter?: 'linear' | 'cubic' }>> = {
  nearest: { tapsOf: nearest },
  'nearest-exact': { tapsOf: nearestExact },
  linear: { axes: 1, tapsOf: linear },
  bilinear: { axes: 2, tapsOf: linear, filter: 'linear' },
  bicubic: { axes: 2, tapsOf: bicubic, filter: 'cubic' },
  trilinear: { axes: 3, tapsOf: linear },
}

const tuple = (list: Shape): string => (list.length === 1 ? `(${list[0]},)` : `(${list.join(', ')})`)

/** Sizes of the result and, where positions come from them, the scale factors. */
function targetSizes(x: Tensor, options: InterpolateOptions): { sizes: number[]; scales: readonly number[] | null } {
  const { size = null, scaleFactor = null } = options
  const given = x.shape.slice(2)
  if (size !== null && scaleFactor !== null) throw new ValueError('only one of size or scale_factor should be defined')
  const spread = (value: PerAxis, name: string, what: string, letter: string): number[] => {
    if (typeof value === 'number') return given.map(() => value)
    if (value.length === given.length) return [...value]
    throw new ValueError(
      `Input and ${name} must have the same number of spatial dimensions, but got input with spatial dimensions of ${formatShape(given)} and ${what} ${tuple(value)}. ` +
        `Please provide input tensor in (N, C, d1, d2, ...,dK) format and ${name === 'output' ? 'output size' : name} in (${letter}1, ${letter}2, ...,${letter}K) format.`,
    )
  }
  if (size !== null) {
    const sizes = spread(size, 'output', 'output size of', 'o')
    if (options.recomputeScaleFactor) throw new ValueError('recompute_scale_factor is not meaningful with an explicit size.')
    return { sizes, scales: null }
  }
  if (scaleFactor === null) throw new ValueError('either size or scale_factor should be defined')
  const scales = spread(scaleFactor, 'scale_factor', 'scale_factor of shape', 's')
  return { sizes: given.map((s, i) => Math.floor(s * scales[i])), scales: options.recomputeScaleFactor ? null : scales }
}

function checkSizes(x: Tensor, sizes: Shape): void {
  const given = x.shape.slice(2)
  if (x.shape[1] === 0) throw new RuntimeError(`Non-empty ${x.ndim}D data tensor expected but got a tensor with sizes ${formatShape(x.shape)}`)
  if (sizes.some((s) => !Number.isInteger(s))) throw new TypeError(`interpolate: size must be a whole number or whole numbers, got ${formatShape(sizes)}`)
  if ([...given, ...sizes].every((s) => s > 0)) return
  const named = (list: Shape) => list.map((s, i) => `${'DHW'[3 - list.length + i]}: ${s}`).join(', ')
  const and = given.length === 1 ? 'and ' : ''
  throw new RuntimeError(`Input and output sizes should be greater than 0, but got input (${named(given)}) ${and}output (${named(sizes)})`)
}

/**
 * Resamples [N, C, ...S] (one to three spatial axes) to another size. As `torch.nn.functional.interpolate`.
 *
 * Output i along an axis lies at (i + 1/2) / scale - 1/2 of the input, or with `alignCorners` at i (in - 1) / (out - 1).
 * @throws ValueError, NotImplementedError, RuntimeError with PyTorch's texts
 */
export function interpolate(x: Tensor, options: InterpolateOptions = {}): Tensor {
  checkTensor('interpolate', 'input', x)
  checkOptions('interpolate', options, ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor', 'antialias'])
  const { mode = 'nearest', alignCorners = null, antialias = false } = options
  if (['nearest', 'nearest-exact', 'area'].includes(mode) && alignCorners !== null) {
    throw new ValueError('align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear')
  }
  const { sizes, scales } = targetSizes(x, options)
  if (antialias && !((mode === 'bilinear' || mode === 'bicubic') && x.ndim === 4)) {
    throw new ValueError('Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input')
  }
  const ranked = x.ndim >= 3 && x.ndim <= 5
  if (mode === 'area' && ranked) return [adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d][x.ndim - 3](x, sizes)
  const known = mode === 'area' ? undefined : modes[mode]
  if (ranked && known?.axes && known.axes + 2 !== x.ndim && mode !== 'bicubic') {
    throw new NotImplementedError(`Got ${x.ndim}D input, but ${mode} mode needs ${known.axes + 2}D input`)
  }
  if (!ranked || !known || (known.axes ?? x.ndim - 2) + 2 !== x.ndim) {
    throw new NotImplementedError(
      `Input Error: Only 3D, 4D and 5D input Tensors supported (got ${x.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got ${mode})`,
    )
  }
  checkSizes(x, sizes)
  checkFits([...x.shape.slice(0, 2), ...sizes], x.dtype)
  const byIndex = known.tapsOf === nearest || known.tapsOf === nearestExact
  if (!isFloatingPoint(x.dtype) && !(byIndex && x.dtype === 'uint8')) refuseDtype(`upsample_${mode}${x.ndim - 2}d`, x.dtype)
  // float16 and bfloat16 are sums of float32 products, rounded once.
  const computed: Dtype = byIndex || x.dtype === 'float64' ? x.dtype : 'float32'
  const round = x.dtype === 'float64' ? (v: number) => v : Math.fround
  const tapsOf = antialias && known.filter ? antialiased(known.filter) : known.tapsOf
  return composed([x], () => {
    let y = x.to(computed)
    sizes.forEach((size, i) => {
      const axis = { input: x.shape[i + 2], output: size, alignCorners: alignCorners ?? false, scale: scales ? scales[i] : null, round }
      const resampled = resample(y, i + 2, size, tapsOf(axis))
      if (y !== x) y.dispose()
      y = resampled
    })
    return y.to(x.dtype)
  })
}

/** The sum over taps of weight · element along `dim`, for each output element. */
function resample(x: Tensor, dim: number, size: number, { indices, weights }: Taps): Tensor {
  const gathered = x.indexSelect(dim, tensor(BigInt64Array.from(indices, BigInt)))
  if (!weights) return gathered
  const count = weights.length / size
  const trailing = new Array<number>(x.ndim - dim - 1).fill(1)
  const scaled = gathered
    .reshape([...x.shape.slice(0, dim), count, size, ...x.shape.slice(dim + 1)])
    .mul(tensor(Float64Array.from(weights), { dtype: x.dtype, shape: [count, size, ...trailing] }))
  gathered.dispose()
  const y = scaled.sum(dim)
  scaled.dispose()
  return y
}
