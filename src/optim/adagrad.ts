import type { Arguments } from '../core/arguments.js'
import type { Tensor } from '../core/tensor.js'
import { type GroupInput, type ParamGroup, type Params, RuleOptimizer, type Step } from './optimizer.js'
import { flag, nonNegative, type OptionTable } from './options.js'

export interface AdagradOptions {
  /** Learning rate. Default 0.01. */
  lr?: number
  /** The learning rate in step t is lr / (1 + (t - 1) lrDecay). Default 0. */
  lrDecay?: number
  /** Default 1e-10. */
  eps?: number
  /** L2 penalty. Default 0. */
  weightDecay?: number
  /** What the sum of squares starts at. Default 0. */
  initialAccumulatorValue?: number
  /** Goes up the gradient. Default false. */
  maximize?: boolean
}
type Options = Required<AdagradOptions>

const table: OptionTable<Options> = {
  lr: nonNegative(0.01, 'learning rate'),
  lrDecay: nonNegative(0, 'lr_decay value'),
  eps: nonNegative(1e-10, 'epsilon value'),
  weightDecay: nonNegative(0, 'weight_decay value'),
  initialAccumulatorValue: nonNegative(0, 'initial_accumulator_value value'),
  maximize: flag(),
}

/**
 * Divides each gradient by the root of the sum of all its squares so far: s = s + g²;  θ = θ - lr / (1 + (t - 1) lrDecay) g / (√s + eps).
 * Duchi, Hazan, Singer 2011, https://jmlr.org/papers/v12/duchi11a.html. https://pytorch.org/docs/2.6/generated/torch.optim.Adagrad.html
 *
 * @throws ValueError with PyTorch's text for options out of range
 */
export class Adagrad extends RuleOptimizer<Options> {
  protected readonly rule = 'adagrad'
  protected readonly stateNames = ['step', 'sum']
  constructor(params: Params<Options>, ...args: Arguments<[lr: number], AdagradOptions>) {
    super(params, args, table)
  }

  /** The state is there before the first step, as PyTorch's Adagrad expects of what it loads. */
  override addParamGroup(group: GroupInput<Options>): void {
    super.addParamGroup(group)
    const { params, initialAccumulatorValue } = this.paramGroups[this.paramGroups.length - 1]
    for (const p of params) {
      this.rememberedScalar(p, 'step', 0)
      this.remembered(p, 'sum', initialAccumulatorValue)
    }
  }

  protected override stepOf(p: Tensor, { lr, lrDecay, eps, initialAccumulatorValue }: ParamGroup<Options>): Step {
    const rate = lr / (1 + (this.countStep(p) - 1) * lrDecay)
    return { states: [this.remembered(p, 'sum', initialAccumulatorValue)], numbers: [rate, eps] }
  }
}
