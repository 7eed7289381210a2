import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { type Betas, betas, flag, nonNegative, type OptionTable } from './options.js'

export interface RAdamOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: Betas
  /** Default 1e-8. */
  eps?: number
  /** L2 penalty, or with `decoupledWeightDecay` what the parameter shrinks by. Default 0. */
  weightDecay?: number
  /** Weight decay as in AdamW. Default false. */
  decoupledWeightDecay?: boolean
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<RAdamOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(1e-3, 'learning rate'),
  betas: betas(),
  eps: nonNegative(1e-8, 'epsilon value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  decoupledWeightDecay: flag(),
  maximize: flag(),
}

/**
 * Adam that waits with its adaptive rate until the variance of that rate is tractable.
 *
 * ρ∞ = 2 / (1 - β₂) - 1;  ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ).  Where ρ > 5: θ = θ - lr m̂ r √(1 - β₂ᵗ) / (√v + eps) with
 * r = √((ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ)), else θ = θ - lr m̂.
 * Liu et al. 2020, arXiv:1908.03265. https://pytorch.org/docs/2.6/generated/torch.optim.RAdam.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class RAdam extends RuleOptimizer<Options> {
  protected readonly rule = 'radam'
  protected readonly stateNames = ['step', 'expAvg', 'expAvgSq']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], RAdamOptions>) {
    super(params, args, table)
  }

  protected override isDecoupled({ decoupledWeightDecay }: ParamGroup<Options>): boolean {
    return decoupledWeightDecay
  }

  protected override stepOf(p: Tensor, { lr, betas: [beta1, beta2], eps }: ParamGroup<Options>): Step {
    const step = this.countStep(p)
    const rate = lr / (1 - beta1 ** step)
    const correction = 1 - beta2 ** step
    const longest = 2 / (1 - beta2) - 1
    const length = longest - (2 * step * beta2 ** step) / correction
    const isAdaptive = length > 5
    const rectification = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length))
    return {
      states: [this.remembered(p, 'expAvg'), this.remembered(p, 'expAvgSq')],
      numbers: [isAdaptive ? rate * rectification * Math.sqrt(correction) : rate, eps, 1 - beta1, beta2, 1 - beta2, isAdaptive ? 1 : 0],
    }
  }
}
