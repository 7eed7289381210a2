import { numelOf } from '../../core/shape.js'
import type { AdamOptions, Kernels, SgdOptions, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch } from './launch.js'
import { address, blocksOf, isContiguousFloat32 } from './views.js'

const areKnown = (...views: (View | null)[]): boolean => views.every((v) => v === null || isContiguousFloat32(v))

function sgdStep(parameter: View, grad: View, buffer: View | null, options: SgdOptions): void {
  if (!areKnown(parameter, grad, buffer)) return reference.sgdStep(parameter, grad, buffer, options)
  const { lr, momentum, dampening, weightDecay, nesterov, maximize, first } = options
  // A new buffer becomes the gradient itself: whatever it holds counts 0 times. Its contents may be anything, so they are cleared first.
  if (first && buffer) launch('fill', blocksOf(numelOf(buffer.shape)), address(buffer), 0, numelOf(buffer.shape))
  const undampened = first ? 1 : 1 - dampening
  const n = numelOf(parameter.shape)
  const state = buffer ? address(buffer) : 0
  launch('sgd', blocksOf(n), address(parameter), address(grad), state, lr, momentum, undampened, weightDecay, maximize ? -1 : 1, nesterov ? 1 : 0, n)
}

function adamStep(parameter: View, grad: View, first: View, second: View, maxSecond: View | null, options: AdamOptions): void {
  if (!areKnown(parameter, grad, first, second, maxSecond)) return reference.adamStep(parameter, grad, first, second, maxSecond, options)
  const { lr, beta1, beta2, eps, weightDecay, decoupled, maximize, step } = options
  const n = numelOf(parameter.shape)
  launch(
    'adam',
    blocksOf(n),
    address(parameter),
    address(grad),
    address(first),
    address(second),
    maxSecond ? address(maxSecond) : 0,
    lr / (1 - beta1 ** step),
    1 - beta1,
    beta2,
    1 - beta2,
    Math.sqrt(1 - beta2 ** step),
    eps,
    decoupled ? 0 : weightDecay,
    decoupled ? 1 - lr * weightDecay : 1,
    maximize ? -1 : 1,
    n,
  )
}

export const optimizers = { sgdStep, adamStep } satisfies Partial<Kernels>
