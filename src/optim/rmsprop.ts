import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { flag, nonNegative, type OptionTable } from './options.js'

export interface RMSpropOptions {
  /** Learning rate. Default 0.01. */
  lr?: number
  /** Default 0: no momentum. */
  momentum?: number
  /** Decay rate of the squared gradient's average. Default 0.99. */
  alpha?: number
  /** Default 1e-8. */
  eps?: number
  /** Divides by the standard deviation of the gradient rather than by its root mean square. Default false. */
  centered?: boolean
  /** L2 penalty. Default 0. */
  weightDecay?: number
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<RMSpropOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(0.01, 'learning rate'),
  momentum: nonNegative(0, 'momentum value'),
  alpha: nonNegative(0.99, 'alpha value'),
  eps: nonNegative(1e-8, 'epsilon value'),
  centered: flag(),
  weightDecay: nonNegative(0, 'weight_decay value'),
  maximize: flag(),
}

/**
 * Divides each gradient by a running root mean square of itself.
 *
 * v = α v + (1 - α) g²;  where centered ḡ = α ḡ + (1 - α) g and v̂ = v - ḡ², else v̂ = v;  b = momentum b + g / (√v̂ + eps);  θ = θ - lr b.
 * Hinton 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; centered: Graves 2013, arXiv:1308.0850.
 * https://pytorch.org/docs/2.6/generated/torch.optim.RMSprop.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class RMSprop extends RuleOptimizer<Options> {
  protected readonly rule = 'rmsprop'
  protected readonly stateNames = ['step', 'squareAvg', 'gradAvg', 'momentumBuffer']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], RMSpropOptions>) {
    super(params, args, table)
  }

  protected override stepOf(p: Tensor, { lr, momentum, alpha, eps, centered }: ParamGroup<Options>): Step {
    this.countStep(p)
    return {
      states: [this.remembered(p, 'squareAvg'), centered ? this.remembered(p, 'gradAvg') : null, momentum > 0 ? this.remembered(p, 'momentumBuffer') : null],
      numbers: [lr, eps, alpha, 1 - alpha, momentum],
    }
  }
}
