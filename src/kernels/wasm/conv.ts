import { isContiguous, numelOf, type Shape } from '../../core/shape.js'
import type { ConvGeometry, Kernels, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { convPlan, type PlaneLayout, planeLayout, positionsOf, tapOffsets } from './conv-plan.js'
import { copies } from './copy.js'
import { launch, withScratch } from './launch.js'
import { multiply } from './matmul.js'
import { address, isFloat32 } from './views.js'
import { withContiguous, withTables } from './workspace.js'

/** Bytes of planes at a time, unless a single sample has more: what caches hold, and a bound on the memory that a convolution takes. */
const WORKSPACE = 2 ** 21
/** Up to so many channels a pointwise convolution reads the image where it lies; more would touch too many pages at once. */
const IN_PLACE_CHANNELS = 64

const PANELS_PER_BLOCK = 8
const ROWS_PER_BLOCK = 16

const spatialOf = (x: View): Shape => x.shape.slice(2)
const bytesOf = (shape: Shape): number => numelOf(shape) * 4

/** A view of the image, its positions as one axis, for convolutions that treat each position alone. */
const flattened = (x: View): View => ({
  storage: x.storage,
  dtype: x.dtype,
  offset: x.offset,
  shape: [x.shape[0], x.shape[1], numelOf(spatialOf(x))],
  strides: [x.strides[0], x.strides[1], 1],
})
const pointwise: ConvGeometry = { stride: [1], padding: [0], dilation: [1], groups: 1 }

const isPointwise = (kernel: Shape, { stride, padding }: ConvGeometry): boolean => kernel.every((size, d) => size === 1 && stride[d] === 1 && padding[d] === 0)
const isRowMajor = (x: View): boolean => isContiguous(spatialOf(x), x.strides.slice(2))

/** What the kernels are told about the positions and products of a pass; see assembly/conv.ts. */
interface PassTables {
  /** Indices within the flattened kernel, and their address. */
  readonly kernelTaps: Int32Array
  readonly kernelTapTable: number
  readonly depth: number
  readonly taps: number
  readonly laneStep: number
  /** The last arguments of both kernels. */
  readonly positions: readonly [samples: number, full: number, fullCount: number, partial: number, partialCount: number, lanes: number]
  /** Blocks that the positions of so many samples make. */
  readonly blocks: (samples: number) => number
}

interface Planes {
  readonly layout: PlaneLayout
  readonly passes: readonly PassTables[]
  readonly leavesZeros: boolean
  /** Makes planes of as many samples as the workspace holds and calls `use`, until all had their turn. */
  forEach(use: (planes: number, first: number, samples: number) => void): void
}

/** Reads `image` through planes, or in place, for passes that write (or, with dy, read) the contiguous `out`. */
function withPlanes(direction: 'forward' | 'gradient', image: View, kernel: Shape, out: View, geometry: ConvGeometry, use: (planes: Planes) => void): void {
  const inPlace = isPointwise(kernel, geometry) && isRowMajor(image) && image.shape[1] / geometry.groups <= IN_PLACE_CHANNELS
  const x = inPlace ? flattened(image) : image
  const written = inPlace ? [numelOf(spatialOf(out))] : spatialOf(out)
  const plan = inPlace ? convPlan('forward', spatialOf(x), [1], written, pointwise) : convPlan(direction, spatialOf(x), kernel, written, geometry)
  const { groups } = geometry
  const batches = x.shape[0]
  const channels = x.shape[1] / groups
  const [xBatch, xChannel, ...xSteps] = x.strides.map((stride) => stride * 4)
  const layout = inPlace ? { batch: xBatch, group: channels * xChannel, channel: xChannel, depth: 0, height: 0 } : planeLayout(plan, groups, channels)
  const samplesAtOnce = inPlace ? batches : Math.max(1, Math.min(batches, Math.floor(WORKSPACE / layout.batch)))
  const positions = plan.passes.map((pass) => positionsOf(pass, layout, samplesAtOnce, written, bytesOf(out.shape.slice(1))))
  const perPass = plan.passes.map((pass, i) => [tapOffsets(pass, layout, channels), pass.taps, positions[i].full, positions[i].partial])
  withTables('conv', [plan.sources, ...perPass.flat()], ([sources, ...addresses]) => {
    const passes = plan.passes.map((pass, i): PassTables => {
      const [taps, kernelTapTable, full, partial] = addresses.slice(4 * i)
      const { samples, fullCount, partialCount, lanes } = positions[i]
      const panels = (count: number) => Math.ceil((samples * count) / 4)
      const perTable = Math.ceil((panels(fullCount) + panels(partialCount)) / PANELS_PER_BLOCK)
      return {
        kernelTaps: pass.taps,
        kernelTapTable,
        depth: channels * pass.taps.length,
        taps,
        laneStep: pass.axes[2].step * 4,
        positions: [samples, full, fullCount, partial, partialCount, lanes],
        blocks: (count) => Math.ceil(count / samples) * groups * perTable,
      }
    })
    const { leavesZeros } = plan
    if (inPlace) {
      use({ layout, passes, leavesZeros, forEach: (each) => each(address(x), 0, batches) })
      return
    }
    const [depth, height, width] = plan.size
    const [xDepth, xHeight, xWidth] = [0, 0, ...xSteps].slice(-3)
    withScratch('conv', samplesAtOnce * layout.batch, (planes) => {
      const forEach: Planes['forEach'] = (each) => {
        for (let first = 0; first < batches; first += samplesAtOnce) {
          const samples = Math.min(samplesAtOnce, batches - first)
          const blocks = samples * groups * depth * height
          const from = address(x) + first * xBatch
          launch(
            'convPlanes',
            blocks,
            from,
            xBatch,
            xChannel,
            xDepth,
            xHeight,
            xWidth,
            plan.step * xWidth,
            groups,
            channels,
            depth,
            height,
            width,
            sources,
            plan.runs,
            planes,
          )
          each(planes, first, samples)
        }
      }
      use({ layout, passes, leavesZeros, forEach })
    })
  })
}

/** y = bias + weights * planes for one pass of some samples; weights [groups][rows][depth]. */
function launchConv(
  { layout }: Planes,
  pass: PassTables,
  planes: number,
  first: number,
  samples: number,
  groups: number,
  weights: number,
  bias: number,
  y: View,
): void {
  const yBatch = bytesOf(y.shape.slice(1))
  const to = address(y) + first * yBatch
  const rows = y.shape[1] / groups
  const { depth, taps, laneStep, positions, blocks } = pass
  launch(
    'conv',
    blocks(samples),
    planes,
    layout.batch,
    layout.group,
    weights,
    bias,
    to,
    yBatch,
    bytesOf(spatialOf(y)),
    laneStep,
    samples,
    groups,
    rows,
    depth,
    taps,
    ...positions,
  )
}

/** Where one window is the whole image, convolution is x [N, C K] times w [O, C K] transposed. */
function isOneWindow(x: View, w: View, y: View, geometry: ConvGeometry): boolean {
  const kernel = spatialOf(w)
  return (
    geometry.groups === 1 &&
    numelOf(spatialOf(y)) === 1 &&
    geometry.padding.every((padding) => padding === 0) &&
    kernel.every((size, d) => size === x.shape[d + 2] && (size === 1 || geometry.dilation[d] === 1)) &&
    isContiguous(x.shape.slice(1), x.strides.slice(1))
  )
}

/** a [rows, depth] times w [depth, columns] into the contiguous c; strides in elements. */
function multiplyMatrices(
  rows: number,
  columns: number,
  depth: number,
  a: View,
  [aRow, aDepth]: Shape,
  w: View,
  [wDepth, wColumn]: Shape,
  c: View,
  add = false,
): void {
  multiply({
    batches: 1,
    rows,
    columns,
    depth,
    a: address(a),
    aBatch: 0,
    aRow: aRow * 4,
    aDepth: aDepth * 4,
    w: address(w),
    wBatch: 0,
    wDepth: wDepth * 4,
    wColumn: wColumn * 4,
    c: address(c),
    cBatch: 0,
    cRow: columns * 4,
    add,
  })
}

const areFloat32 = (...views: (View | null)[]): boolean => views.every((view) => view === null || isFloat32(view))

/** The bias as a view that broadcasts to [N, C, ...S]. */
const overChannels = (bias: View, rank: number): View => ({
  storage: bias.storage,
  dtype: bias.dtype,
  offset: bias.offset,
  shape: [...bias.shape, ...new Array<number>(rank - 2).fill(1)],
  strides: [...bias.strides, ...new Array<number>(rank - 2).fill(1)],
})

export const convolutions: Pick<Kernels, 'conv' | 'convInputGrad' | 'convWeightGrad'> = {
  conv(x, w, bias, geometry, y) {
    if (!areFloat32(x, w, bias, y)) {
      reference.conv(x, w, bias, geometry, y)
      return
    }
    if (numelOf(y.shape) === 0) return
    withContiguous(w, (weights) => {
      if (isOneWindow(x, weights, y, geometry)) {
        if (bias) copies.copy(overChannels(bias, y.shape.length), y)
        const depth = numelOf(w.shape.slice(1))
        multiplyMatrices(x.shape[0], w.shape[0], depth, x, [x.strides[0], 1], weights, [1, depth], y, bias !== null)
        return
      }
      const convolve = (biases: View | null) =>
        withPlanes('forward', x, spatialOf(w), y, geometry, (planes) => {
          planes.forEach((at, first, samples) => {
            launchConv(planes, planes.passes[0], at, first, samples, geometry.groups, address(weights), biases ? address(biases) : 0, y)
          })
        })
      if (bias) withContiguous(bias, convolve)
      else convolve(null)
    })
  },

  convInputGrad(dy, w, geometry, dx) {
    if (!areFloat32(dy, w, dx)) {
      reference.convInputGrad(dy, w, geometry, dx)
      return
    }
    if (numelOf(dx.shape) === 0) return
    if (numelOf(dy.shape) === 0 || numelOf(w.shape) === 0) {
      copies.fill(dx, 0)
      return
    }
    const { groups } = geometry
    withContiguous(w, (weights) => {
      if (isOneWindow(dx, weights, dy, geometry)) {
        const columns = numelOf(w.shape.slice(1))
        multiplyMatrices(dx.shape[0], columns, w.shape[0], dy, dy.strides, weights, [columns, 1], dx)
        return
      }
      withPlanes('gradient', dy, spatialOf(w), dx, geometry, (planes) => {
        if (planes.leavesZeros) copies.fill(dx, 0)
        // Every tap takes part in one pass, so all turned weights together are as many as the weights.
        withScratch('convInputGrad', bytesOf(w.shape), (scratch) => {
          const outputs = w.shape[0] / groups
          const channels = w.shape[1]
          const kernel = numelOf(spatialOf(w))
          let next = scratch
          const turned = planes.passes.map(({ kernelTaps, kernelTapTable }) => {
            const to = next
            next += w.shape[0] * channels * kernelTaps.length * 4
            launch('convTurnWeights', groups * channels, address(weights), outputs, channels, kernel, kernelTapTable, kernelTaps.length, to)
            return to
          })
          planes.forEach((at, first, samples) => {
            planes.passes.forEach((pass, i) => {
              launchConv(planes, pass, at, first, samples, groups, turned[i], 0, dx)
            })
          })
        })
      })
    })
  },

  convWeightGrad(dy, x, geometry, dw) {
    if (!areFloat32(dy, x, dw)) {
      reference.convWeightGrad(dy, x, geometry, dw)
      return
    }
    if (numelOf(dw.shape) === 0) return
    if (numelOf(dy.shape) === 0) {
      copies.fill(dw, 0)
      return
    }
    const rows = dw.shape[0] / geometry.groups
    const depth = numelOf(dw.shape.slice(1))
    withContiguous(dy, (grad) => {
      if (isOneWindow(x, dw, grad, geometry)) {
        multiplyMatrices(dw.shape[0], depth, dy.shape[0], grad, [1, dw.shape[0]], x, [x.strides[0], 1], dw)
        return
      }
      copies.fill(dw, 0)
      withPlanes('forward', x, spatialOf(dw), grad, geometry, ({ layout, passes: [pass], forEach }) => {
        const { batch, group } = layout
        const blocks = geometry.groups * Math.ceil(depth / 4) * Math.ceil(rows / ROWS_PER_BLOCK)
        const dyBatch = bytesOf(grad.shape.slice(1))
        const dyChannel = bytesOf(spatialOf(grad))
        forEach((at, first, samples) => {
          const from = address(grad) + first * dyBatch
          launch('convWeightGrad', blocks, at, batch, group, from, dyBatch, dyChannel, address(dw), samples, rows, depth, pass.taps, ...pass.positions)
        })
      })
    })
  },
}
