import { isContiguous, numelOf, type Shape } from '../../core/shape.js'
import type { ConvGeometry, Kernels, View } from '../contract.js'
import { perChannel } from '../reference/access.js'
import { reference } from '../reference/index.js'
import { type ConvPlan, convPlan, type Pass } from './conv-plan.js'
import { withPlanes } from './conv-planes.js'
import { copies, withContiguous } from './copy.js'
import { elementwise } from './elementwise.js'
import { activationCode } from './epilogue.js'
import { launch } from './launch.js'
import { multiply } from './matmul.js'
import { address, isFloat32 } from './views.js'
import { convolveByTiles, isWinograd, weightGradByTiles } from './winograd.js'

/** Output channels of a block of convWeightGrad. */
const BLOCK_ROWS = 16

const spatialOf = (x: View): Shape => x.shape.slice(2)
const bytesOf = (shape: Shape): number => numelOf(shape) * 4

/** y = bias + weights * planes for one pass of some samples; weights [groups][rows][products]. */
function launchConv(plan: ConvPlan, pass: Pass, planes: number, first: number, samples: number, tables: number, weights: number, bias: number, y: View): void {
  const { batch, group, groups, channels } = plan
  const { stencil } = pass
  const yBatch = bytesOf(y.shape.slice(1))
  if (stencil && y.shape[1] === groups) {
    const { rowStep, row, height, width, zeros } = stencil
    const to = address(y) + first * yBatch
    if (zeros !== undefined) launch('depthwisePadded', samples * groups, planes, tables + zeros, weights, bias, to, groups, height, width)
    else launch('depthwise3x3', samples * groups, planes + stencil.first, group, row, rowStep, weights, bias, to, groups, height, width)
    return
  }
  const blocks = Math.ceil(samples / pass.samples) * pass.blocks
  const full = tables + pass.full
  const partial = tables + pass.partial
  const rows = y.shape[1] / groups
  const products = channels * pass.tapCount
  const table = tables + pass.products
  const to = address(y) + first * yBatch
  const yChannel = bytesOf(spatialOf(y))
  const positions = [pass.samples, full, pass.fullCount, partial, pass.partialCount, pass.lanes] as const
  launch('conv', blocks, planes, batch, group, weights, bias, to, yBatch, yChannel, pass.laneStep, samples, groups, rows, products, table, ...positions)
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

/** Output positions from which each sample's fill the panels of a product by themselves. */
const ENOUGH_POSITIONS = 128

/** Whether convolution is for each sample a product of matrices: w [O, C] and x [C, positions]. `image` is x, or dy, of as many positions. */
function isPointwise(image: View, w: View, geometry: ConvGeometry): boolean {
  const positions = numelOf(spatialOf(image))
  return (
    geometry.groups === 1 &&
    numelOf(spatialOf(w)) === 1 &&
    geometry.stride.every((stride) => stride === 1) &&
    geometry.padding.every((padding) => padding === 0) &&
    (positions % 16 === 0 || positions >= ENOUGH_POSITIONS) &&
    isContiguous(spatialOf(image), image.strides.slice(2))
  )
}

/** Matrices of channels and positions, a sample each: image as the second factor, and the contiguous result. */
const perSample = (image: View, result: View, rows: number, depth: number) => {
  const [wBatch, wDepth] = image.strides.map((stride) => stride * 4)
  const columns = numelOf(spatialOf(image))
  const cRow = columns * 4
  return { batches: image.shape[0], rows, columns, depth, w: address(image), wBatch, wDepth, wColumn: 4, c: address(result), cBatch: rows * cRow, cRow }
}

/** a [rows, depth] times w [depth, columns] into the contiguous c, by their addresses; strides in elements. */
function multiplyMatrices(
  rows: number,
  columns: number,
  depth: number,
  a: number,
  [aRow, aDepth]: Shape,
  w: number,
  [wDepth, wColumn]: Shape,
  c: number,
  add = false,
): void {
  multiply({
    batches: 1,
    rows,
    columns,
    depth,
    a,
    aBatch: 0,
    aRow: aRow * 4,
    aDepth: aDepth * 4,
    w,
    wBatch: 0,
    wDepth: wDepth * 4,
    wColumn: wColumn * 4,
    c,
    cBatch: 0,
    cRow: columns * 4,
    ...(add && { start: c, startBatch: 0, startRow: columns * 4 }),
  })
}

/** Some samples of a contiguous batch. */
const samplesOf = (x: View, first: number, samples: number): View => {
  const shape = [samples, ...x.shape.slice(1)]
  return { storage: x.storage, dtype: x.dtype, shape, strides: x.strides, offset: x.offset + first * x.strides[0] }
}

const areFloat32 = (...views: (View | null)[]): boolean => views.every((view) => view === null || isFloat32(view))

export const convolutions: Pick<Kernels, 'conv' | 'convInputGrad' | 'convWeightGrad'> = {
  conv(x, w, bias, geometry, y, activated = null) {
    // Without channels there is no product, only the bias.
    if (!areFloat32(x, w, bias, y, activated?.y ?? null) || numelOf(w.shape) === 0) {
      reference.conv(x, w, bias, geometry, y, activated)
      return
    }
    if (numelOf(y.shape) === 0) return
    // Of the samples that have just been computed, and are in a cache.
    const activate = (first: number, samples: number) => {
      if (activated) elementwise.unary(activated.op, samplesOf(y, first, samples), samplesOf(activated.y, first, samples), activated.params)
    }
    withContiguous('conv', w, (weights) => {
      if (isOneWindow(x, w, y, geometry)) {
        if (bias) copies.copy(perChannel(bias, y.shape.length), y)
        const depth = numelOf(w.shape.slice(1))
        multiplyMatrices(x.shape[0], w.shape[0], depth, address(x), [x.strides[0], 1], weights, [1, depth], address(y), bias !== null)
        activate(0, x.shape[0])
        return
      }
      const convolve = (biases: number) => {
        if (isPointwise(x, w, geometry)) {
          const depth = w.shape[1]
          const a = { a: weights, aBatch: 0, aRow: depth * 4, aDepth: 4 }
          const start = { start: biases, startBatch: 0, startRow: 4, startColumn: 0 } as const
          const activation = activated ? activationCode(activated.op) : 0
          const epilogue = activated && activation > 0 && { y: address(activated.y), activation, params: activated.params }
          multiply({ ...perSample(x, y, w.shape[0], depth), ...a, ...(biases && start), ...epilogue })
          if (activation <= 0) activate(0, x.shape[0])
          return
        }
        if (isWinograd(w.shape, y.shape, geometry) && convolveByTiles('forward', x, weights, w.shape, biases, geometry, y)) return activate(0, x.shape[0])
        const plan = convPlan('forward', x, spatialOf(w), y.shape, geometry)
        withPlanes(plan, x, 0, (planes, first, samples, tables) => {
          launchConv(plan, plan.passes[0], planes, first, samples, tables, weights, biases, y)
          activate(first, samples)
        })
      }
      if (bias) withContiguous('conv', bias, convolve)
      else convolve(0)
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
    withContiguous('convInputGrad', w, (weights) => {
      if (isOneWindow(dx, w, dy, geometry)) {
        const columns = numelOf(w.shape.slice(1))
        multiplyMatrices(dx.shape[0], columns, w.shape[0], address(dy), dy.strides, weights, [columns, 1], address(dx))
        return
      }
      if (isPointwise(dy, w, geometry)) {
        const [depth, rows] = w.shape
        multiply({ ...perSample(dy, dx, rows, depth), a: weights, aBatch: 0, aRow: 4, aDepth: rows * 4 })
        return
      }
      if (isWinograd(w.shape, dx.shape, geometry) && convolveByTiles('gradient', dy, weights, w.shape, 0, geometry, dx)) return
      const plan = convPlan('gradient', dy, spatialOf(w), dx.shape, geometry)
      if (plan.leavesZeros) copies.fill(dx, 0)
      const outputs = w.shape[0] / groups
      const channels = w.shape[1]
      const kernel = numelOf(spatialOf(w))
      // Every tap takes part in at most one pass, so all turned weights together are no more than the weights.
      withPlanes(plan, dy, bytesOf(w.shape), (planes, first, samples, tables, turned) => {
        let to = turned
        for (const pass of plan.passes) {
          if (first === 0)
            launch('convTurnWeights', groups * Math.ceil(channels / 16), weights, outputs, channels, kernel, tables + pass.kernelTaps, pass.tapCount, to)
          launchConv(plan, pass, planes, first, samples, tables, to, 0, dx)
          to += w.shape[0] * channels * pass.tapCount * 4
        }
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
    withContiguous('convWeightGrad', dy, (grad) => {
      if (isOneWindow(x, dw, dy, geometry)) {
        multiplyMatrices(dw.shape[0], depth, dy.shape[0], grad, [1, dw.shape[0]], address(x), [x.strides[0], 1], address(dw))
        return
      }
      if (isPointwise(x, dw, geometry)) {
        const [rows, columns] = dw.shape
        const positions = numelOf(spatialOf(dy))
        const [wBatch, wColumn] = x.strides.map((stride) => stride * 4)
        const a = { a: grad, aBatch: rows * positions * 4, aRow: positions * 4, aDepth: 4 }
        const w = { w: address(x), wBatch, wDepth: 4, wColumn }
        multiply({ batches: x.shape[0], summed: true, rows, columns, depth: positions, ...a, ...w, c: address(dw), cBatch: 0, cRow: columns * 4 })
        return
      }
      if (isWinograd(dw.shape, dy.shape, geometry) && weightGradByTiles(grad, dy.shape, x, geometry, dw)) return
      copies.fill(dw, 0)
      const plan = convPlan('weights', x, spatialOf(dw), dy.shape, geometry)
      const [pass] = plan.passes
      const blocks = geometry.groups * Math.ceil(depth / 4) * Math.ceil(rows / BLOCK_ROWS)
      const dyBatch = bytesOf(dy.shape.slice(1))
      const dyChannel = bytesOf(spatialOf(dy))
      withPlanes(plan, x, 0, (planes, first, samples, tables) => {
        const positions = [pass.samples, tables + pass.full, pass.fullCount, tables + pass.partial, pass.partialCount, pass.lanes] as const
        const from = grad + first * dyBatch
        if (pass.stencil && rows === 1) {
          const { rowStep, row, height, width, zeros } = pass.stencil
          const { groups } = geometry
          if (zeros !== undefined) launch('depthwisePaddedWeightGrad', groups, planes, tables + zeros, from, address(dw), samples, groups, height, width)
          else
            launch('depthwise3x3WeightGrad', groups, planes + pass.stencil.first, plan.group, row, rowStep, from, address(dw), samples, groups, height, width)
          return
        }
        launch(
          'convWeightGrad',
          blocks,
          planes,
          plan.batch,
          plan.group,
          from,
          dyBatch,
          dyChannel,
          address(dw),
          samples,
          rows,
          depth,
          tables + pass.products,
          ...positions,
        )
      })
    })
  },
}
