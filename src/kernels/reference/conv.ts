import { lastOfThree, numelOf, type Shape } from '../../core/shape.js'
import type { Activated, ConvGeometry, Kernels, View } from '../contract.js'
import { load, perChannel, store } from './access.js'
import { elementwise } from './elementwise.js'

/** Outputs along one axis whose element under tap `k` lies inside the input: from first to last, and where the first one reads. */
function reach(k: number, input: number, output: number, stride: number, padding: number, dilation: number) {
  const shift = k * dilation - padding
  const first = Math.max(0, Math.ceil(-shift / stride))
  const last = Math.min(output - 1, Math.floor((input - 1 - shift) / stride))
  return { first, last, start: first * stride + shift }
}

/**
 * The sum that convolution and its two gradients share, over three axes: calls `run(tap, x, y, count, step)` where w[tap] joins x[x + i step] to y[y + i]
 * for i < count, positions in contiguous [N, C, ...S], [O, C / groups, ...K] and [N, O, ...].
 */
function forEachRun(
  xShape: Shape,
  wShape: Shape,
  yShape: Shape,
  geometry: ConvGeometry,
  run: (tap: number, x: number, y: number, count: number, step: number) => void,
): void {
  const [batches, channels] = xShape
  const [outChannels, groupChannels] = wShape
  const [xd, xh, xw] = lastOfThree(xShape.slice(2), 1)
  const [kd, kh, kw] = lastOfThree(wShape.slice(2), 1)
  const [yd, yh, yw] = lastOfThree(yShape.slice(2), 1)
  const [sd, sh, sw] = lastOfThree(geometry.stride, 1)
  const [pd, ph, pw] = lastOfThree(geometry.padding, 0)
  const [dd, dh, dw] = lastOfThree(geometry.dilation, 1)
  const perGroup = outChannels / geometry.groups
  let tap = 0
  for (let o = 0; o < outChannels; o++) {
    for (let c = 0; c < groupChannels; c++) {
      const channel = Math.floor(o / perGroup) * groupChannels + c
      for (let a = 0; a < kd; a++) {
        const depth = reach(a, xd, yd, sd, pd, dd)
        for (let b = 0; b < kh; b++) {
          const height = reach(b, xh, yh, sh, ph, dh)
          for (let e = 0; e < kw; e++, tap++) {
            const width = reach(e, xw, yw, sw, pw, dw)
            const count = width.last - width.first + 1
            if (count <= 0) continue
            for (let n = 0; n < batches; n++) {
              for (let i = depth.first, z = depth.start; i <= depth.last; i++, z += sd) {
                for (let j = height.first, v = height.start; j <= height.last; j++, v += sh) {
                  const x = (((n * channels + channel) * xd + z) * xh + v) * xw + width.start
                  const y = (((n * outChannels + o) * yd + i) * yh + j) * yw + width.first
                  run(tap, x, y, count, sw)
                }
              }
            }
          }
        }
      }
    }
  }
}

function conv(x: View, w: View, bias: View | null, geometry: ConvGeometry, y: View, activated: Activated | null = null): void {
  const input = load(x)
  const weight = load(w)
  const output = bias ? load(perChannel(bias, y.shape.length), y.shape) : new Float64Array(numelOf(y.shape))
  forEachRun(x.shape, w.shape, y.shape, geometry, (tap, xAt, yAt, count, step) => {
    const factor = weight[tap]
    for (let i = 0; i < count; i++) output[yAt + i] += factor * input[xAt + i * step]
  })
  store(y, output)
  if (activated) elementwise.unary(activated.op, y, activated.y, activated.params)
}

function convInputGrad(dy: View, w: View, geometry: ConvGeometry, dx: View): void {
  const grad = load(dy)
  const weight = load(w)
  const inputGrad = new Float64Array(numelOf(dx.shape))
  forEachRun(dx.shape, w.shape, dy.shape, geometry, (tap, xAt, yAt, count, step) => {
    const factor = weight[tap]
    for (let i = 0; i < count; i++) inputGrad[xAt + i * step] += factor * grad[yAt + i]
  })
  store(dx, inputGrad)
}

function convWeightGrad(dy: View, x: View, geometry: ConvGeometry, dw: View): void {
  const grad = load(dy)
  const input = load(x)
  const weightGrad = new Float64Array(numelOf(dw.shape))
  forEachRun(x.shape, dw.shape, dy.shape, geometry, (tap, xAt, yAt, count, step) => {
    let sum = 0
    for (let i = 0; i < count; i++) sum += grad[yAt + i] * input[xAt + i * step]
    weightGrad[tap] += sum
  })
  store(dw, weightGrad)
}

export const convolutions = { conv, convInputGrad, convWeightGrad } satisfies Partial<Kernels>
