import type { Arguments } from '../core/arguments.js'
import { ValueError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { anyNumber, flag, nonNegative, type OptionTable } from './options.js'

export interface SGDOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number
  /** Default 0: no momentum. */
  momentum?: number
  /** How much less than whole a gradient enters the momentum. Default 0. */
  dampening?: number
  /** L2 penalty. Default 0. */
  weightDecay?: number
  /** Looks ahead along the momentum. Default false. */
  nesterov?: boolean
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<SGDOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(1e-3, 'learning rate'),
  momentum: nonNegative(0, 'momentum value'),
  dampening: anyNumber(0, 'dampening value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  nesterov: flag(),
  maximize: flag(),
}

/**
 * Stochastic gradient descent with momentum.
 *
 * g = grad + weightDecay θ;  v = momentum v + (1 - dampening) g, at first v = g;  θ = θ - lr v, or with Nesterov θ - lr (g + momentum v).
 * Unlike Sutskever et al. (2013), the learning rate is not part of v.
 * https://pytorch.org/docs/2.6/generated/torch.optim.SGD.html
 *
 * @throws ValueError with PyTorch's text for options out of range, and for Nesterov without momentum or with dampening
 */
export class SGD extends RuleOptimizer<Options> {
  protected readonly rule = 'sgd'
  protected readonly stateNames = ['momentumBuffer']

  constructor(params: Params<Options>, ...args: Arguments<[lr: number], SGDOptions>) {
    super(params, args, table)
    const { nesterov, momentum, dampening } = this.defaults
    if (nesterov && (momentum <= 0 || dampening !== 0)) throw new ValueError('Nesterov momentum requires a momentum and zero dampening')
  }

  protected override stepOf(p: Tensor, { lr, momentum, dampening, nesterov }: ParamGroup<Options>): Step {
    const isNew = this.state.get(p)?.momentumBuffer === undefined
    return {
      states: [momentum === 0 ? null : this.remembered(p, 'momentumBuffer')],
      numbers: [lr, momentum, ...(isNew ? [0, 1] : [momentum, 1 - dampening]), nesterov ? 1 : 0],
    }
  }
}
