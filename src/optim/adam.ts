import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
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

abstract class AdamFamily extends RuleOptimizer<Options> {
  protected readonly rule = 'adam'
  protected readonly stateNames = ['step', 'expAvg', 'expAvgSq', 'maxExpAvgSq']

  protected override stepOf(p: Tensor, { lr, betas: [beta1, beta2], eps, amsgrad }: ParamGroup<Options>): Step {
    const step = this.countStep(p)
    // lr m̂ / (√v̂ + eps), multiplied by √(1 - β₂ᵗ) above and below.
    const correction = Math.sqrt(1 - beta2 ** step)
    return {
      states: [this.remembered(p, 'expAvg'), this.remembered(p, 'expAvgSq'), amsgrad ? this.remembered(p, 'maxExpAvgSq') : null],
      numbers: [(lr * correction) / (1 - beta1 ** step), eps * correction, 1 - beta1, beta2, 1 - beta2],
    }
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
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdamOptions>) {
    super(params, args, table(0.01))
  }

  protected override isDecoupled(): boolean {
    return true
  }
}
