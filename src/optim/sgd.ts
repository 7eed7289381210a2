import type { Arguments } from '../core/arguments.js'
import { ValueError } from '../core/errors.js'
import { kernels } from '../kernels/index.js'
import { type Given, Optimizer, type ParamGroup, type Params } from './optimizer.js'
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
export class SGD extends Optimizer<Options> {
  protected readonly stateNames = ['momentumBuffer']

  constructor(params: Params<Options>, ...args: Arguments<[lr: number], SGDOptions>) {
    super(params, args, table)
    const { nesterov, momentum, dampening } = this.defaults
    if (nesterov && (momentum <= 0 || dampening !== 0)) throw new ValueError('Nesterov momentum requires a momentum and zero dampening')
  }

  protected override update(given: readonly Given[], { momentum, ...options }: ParamGroup<Options>): void {
    const tensors = given.map(({ p, grad }) => {
      const first = this.state.get(p)?.momentumBuffer === undefined
      return { parameter: p, grad, first, buffer: momentum === 0 ? null : this.remembered(p, 'momentumBuffer') }
    })
    kernels.sgdStep(tensors, { momentum, ...options })
    for (const { p } of given) p.storage.version++
  }
}
