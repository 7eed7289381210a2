import type { Arguments } from '../core/arguments.js'
import { kernels } from '../kernels/index.js'
import { type Given, Optimizer, type ParamGroup, type Params } from './optimizer.js'
import { type Betas, betas, flag, nonNegative, type OptionTable } from './options.js'

export interface AdamOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: Betas
  /** Default 1e-8. */
  eps?: number
  /** Default 0 in Adam, where it is an L2 penalty; 0.01 in AdamW, where the parameter shrinks by lr weightDecay. */
  weightDecay?: number
  /** Divides by the largest second moment so far: Reddi et al. 2018, https://openreview.net/forum?id=ryQu7f-RZ. Default false. */
  amsgrad?: boolean
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<AdamOptions>

const table = (weightDecay: number): OptionTable<Options> => ({
  lr: nonNegative(1e-3, 'learning rate'),
  betas: betas(),
  eps: nonNegative(1e-8, 'epsilon value'),
  weightDecay: nonNegative(weightDecay, 'weight_decay value'),
  amsgrad: flag(),
  maximize: flag(),
})

abstract class AdamFamily extends Optimizer<Options> {
  protected readonly stateNames = ['step', 'expAvg', 'expAvgSq', 'maxExpAvgSq']
  protected abstract readonly decoupled: boolean

  protected override update(given: readonly Given[], { betas: [beta1, beta2], amsgrad, ...options }: ParamGroup<Options>): void {
    const tensors = given.map(({ p, grad }) => ({
      parameter: p,
      grad,
      step: this.countStep(p),
      first: this.remembered(p, 'expAvg'),
      second: this.remembered(p, 'expAvgSq'),
      maxSecond: amsgrad ? this.remembered(p, 'maxExpAvgSq') : null,
    }))
    kernels.adamStep(tensors, { beta1, beta2, decoupled: this.decoupled, ...options })
    for (const { p } of given) p.storage.version++
  }
}

/**
 * Adam: steps of a size that the gradient's scale does not change.
 *
 * g = grad + weightDecay θ;  m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  θ = θ - lr m̂ / (√v̂ + eps), with m̂ = m / (1 - β₁ᵗ) and
 * v̂ = v / (1 - β₂ᵗ).
 * Kingma, Ba 2015, arXiv:1412.6980. https://pytorch.org/docs/2.6/generated/torch.optim.Adam.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class Adam extends AdamFamily {
  protected readonly decoupled = false
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdamOptions>) {
    super(params, args, table(0))
  }
}

/**
 * Adam with weight decay apart from the gradient: θ = θ - lr weightDecay θ before Adam's step, so that the decay is not divided by √v̂.
 * Loshchilov, Hutter 2019, arXiv:1711.05101. https://pytorch.org/docs/2.6/generated/torch.optim.AdamW.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class AdamW extends AdamFamily {
  protected readonly decoupled = true
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdamOptions>) {
    super(params, args, table(0.01))
  }
}
