import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { type Betas, betas, flag, nonNegative, type OptionTable } from './options.js'

export interface NAdamOptions {
  /** Learning rate. Default 2e-3. */
  lr?: number
  /** Decay rates of the first and second moment. Default [0.9, 0.999]. */
  betas?: Betas
  /** Default 1e-8. */
  eps?: number
  /** L2 penalty, or with `decoupledWeightDecay` what the parameter shrinks by. Default 0. */
  weightDecay?: number
  /** ψ: how fast the momentum grows to β₁. Default 4e-3. */
  momentumDecay?: number
  /** Weight decay as in AdamW. Default false. */
  decoupledWeightDecay?: boolean
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<NAdamOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(2e-3, 'learning rate'),
  betas: betas(),
  eps: nonNegative(1e-8, 'epsilon value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  momentumDecay: nonNegative(4e-3, 'momentum_decay value'),
  decoupledWeightDecay: flag(),
  maximize: flag(),
}

/**
 * Adam with Nesterov's momentum: μₜ = β₁ (1 - 0.96^(t ψ) / 2);  m and v as in Adam;
 * θ = θ - lr ((1 - μₜ) g / (1 - Πₜ) + μₜ₊₁ m / (1 - Πₜ₊₁)) / (√v̂ + eps), where Πₜ is the product of all μ up to t.
 * Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ. https://pytorch.org/docs/2.6/generated/torch.optim.NAdam.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class NAdam extends RuleOptimizer<Options> {
  protected readonly rule = 'nadam'
  protected readonly stateNames = ['step', 'muProduct', 'expAvg', 'expAvgSq']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], NAdamOptions>) {
    super(params, args, table)
  }

  protected override isDecoupled({ decoupledWeightDecay }: ParamGroup<Options>): boolean {
    return decoupledWeightDecay
  }

  protected override stepOf(p: Tensor, { lr, betas: [beta1, beta2], eps, momentumDecay }: ParamGroup<Options>): Step {
    const step = this.countStep(p)
    const momentum = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay))
    const [mu, next] = [momentum(step), momentum(step + 1)]
    const product = this.rememberedScalar(p, 'muProduct', 1)
    // In the product's own precision, as PyTorch multiplies a float32 scalar: the rounded factor is part of every later step.
    const soFar = product.mul_(product.dtype === 'float32' ? Math.fround(mu) : mu).item()
    // Multiplied by √(1 - β₂ᵗ) above and below, as in Adam.
    const correction = Math.sqrt(1 - beta2 ** step)
    const [ahead, rate] = [(lr * (1 - mu)) / (1 - soFar), (lr * next) / (1 - soFar * next)]
    return {
      states: [this.remembered(p, 'expAvg'), this.remembered(p, 'expAvgSq')],
      numbers: [rate * correction, eps * correction, 1 - beta1, beta2, 1 - beta2, ahead * correction],
    }
  }
}
