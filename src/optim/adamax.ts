import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { type Betas, betas, flag, nonNegative, type OptionTable } from './options.js'

export interface AdamaxOptions {
  /** Learning rate. Default 2e-3. */
  lr?: number
  /** Decay rates of the average and of the largest magnitude. Default [0.9, 0.999]. */
  betas?: Betas
  /** Default 1e-8. */
  eps?: number
  /** L2 penalty. Default 0. */
  weightDecay?: number
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<AdamaxOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(2e-3, 'learning rate'),
  betas: betas(),
  eps: nonNegative(1e-8, 'epsilon value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  maximize: flag(),
}

/**
 * Adam with the infinity norm: m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g| + eps);  θ = θ - lr / (1 - β₁ᵗ) m / u.
 * Kingma, Ba 2015, arXiv:1412.6980, section 7.1. https://pytorch.org/docs/2.6/generated/torch.optim.Adamax.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class Adamax extends RuleOptimizer<Options> {
  protected readonly rule = 'adamax'
  protected readonly stateNames = ['step', 'expAvg', 'expInf']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdamaxOptions>) {
    super(params, args, table)
  }

  protected override stepOf(p: Tensor, { lr, betas: [beta1, beta2], eps }: ParamGroup<Options>): Step {
    const rate = lr / (1 - beta1 ** this.countStep(p))
    return { states: [this.remembered(p, 'expAvg'), this.remembered(p, 'expInf')], numbers: [rate, eps, 1 - beta1, beta2] }
  }
}
