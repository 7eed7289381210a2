import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { flag, fraction, nonNegative, type OptionTable } from './options.js'

export interface AdadeltaOptions {
  /** Scales the step. Default 1. */
  lr?: number
  /** Decay rate of both averages. Default 0.9. */
  rho?: number
  /** Default 1e-6. */
  eps?: number
  /** L2 penalty. Default 0. */
  weightDecay?: number
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<AdadeltaOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(1, 'learning rate'),
  rho: fraction(0.9, 'rho value'),
  eps: nonNegative(1e-6, 'epsilon value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  maximize: flag(),
}

/**
 * Steps in the parameter's own units: v = ρ v + (1 - ρ) g²;  Δ = g √(u + eps) / √(v + eps);  u = ρ u + (1 - ρ) Δ²;  θ = θ - lr Δ.
 * Zeiler 2012, arXiv:1212.5701. https://pytorch.org/docs/2.6/generated/torch.optim.Adadelta.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class Adadelta extends RuleOptimizer<Options> {
  protected readonly rule = 'adadelta'
  protected readonly stateNames = ['step', 'squareAvg', 'accDelta']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdadeltaOptions>) {
    super(params, args, table)
  }

  protected override stepOf(p: Tensor, { lr, rho, eps }: ParamGroup<Options>): Step {
    this.countStep(p)
    return { states: [this.remembered(p, 'squareAvg'), this.remembered(p, 'accDelta')], numbers: [lr, eps, rho, 1 - rho] }
  }
}
