import { noGrad } from '../../autograd/index.js'
import { checkOptions, ValueError } from '../../core/errors.js'
import { scope } from '../../core/storage.js'
import type { Tensor } from '../../core/tensor.js'
import { Module } from '../../nn/module.js'
import { copy_ } from '../../ops/copy.js'
import { tensor } from '../../ops/create.js'
import '../../ops/methods.js'
import { pythonFloat } from '../../nn/names.js'

/** The new average, from the one so far, the model's value, and how many values are in it already. */
export type AvgFn = (averaged: Tensor, current: Tensor, numAveraged: number) => Tensor

/** The plain average: averaged + (current - averaged) / (n + 1). As `torch.optim.swa_utils.get_swa_avg_fn`. */
export const getSwaAvgFn = (): AvgFn => (averaged, current, n) => averaged.add(current.sub(averaged).div(n + 1))

/**
 * The exponential moving average: decay averaged + (1 - decay) current. As `torch.optim.swa_utils.get_ema_avg_fn`.
 * @param decay default 0.999
 * @throws ValueError outside 0 to 1
 */
export function getEmaAvgFn(decay = 0.999): AvgFn {
  if (!(decay >= 0 && decay <= 1)) throw new ValueError(`Invalid decay value ${pythonFloat(decay)} provided. Please provide a value in [0,1] range.`)
  return (averaged, current) => averaged.mul(decay).add(current.mul(1 - decay))
}

export interface AveragedModelOptions {
  /** How a new value enters. Default: all count alike. */
  avgFn?: AvgFn
  /** Average buffers such as running statistics, too, rather than take over the model's latest. Default false. */
  useBuffers?: boolean
}

/**
 * A copy of a model whose parameters are an average over training: stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407) or, with
 * `getEmaAvgFn`, an exponential moving average. As `torch.optim.swa_utils.AveragedModel`.
 *
 * Where the model has BatchNorm layers, call `updateBn(loader, averaged)` at the end, as their statistics belong to other weights.
 *
 * @example
 * const averaged = new optim.swaUtils.AveragedModel(model)
 * // after each epoch:
 * averaged.updateParameters(model)
 * // at the end:
 * optim.swaUtils.updateBn(loader, averaged)
 */
export class AveragedModel<M extends Module = Module> extends Module {
  /** The copy that has the averages. */
  readonly module: M
  /** int64, 0-dimensional: how often `updateParameters` was called. */
  readonly nAveraged!: Tensor
  readonly avgFn: AvgFn
  readonly useBuffers: boolean

  constructor(model: M, options: AveragedModelOptions = {}) {
    super()
    checkOptions('AveragedModel', options, ['avgFn', 'useBuffers'])
    const { avgFn = getSwaAvgFn(), useBuffers = false } = options
    this.avgFn = avgFn
    this.useBuffers = useBuffers
    this.module = model.clone()
    this.registerBuffer('nAveraged', tensor(0, { dtype: 'int64' }))
  }

  override forward(...inputs: never[]): unknown {
    return Reflect.apply(this.module.forward, this.module, inputs)
  }

  /** Lets the values that the model has now enter the average; the first time they are taken over. */
  updateParameters(model: Module): void {
    const n = this.nAveraged.item()
    const enter = (averaged: Tensor[], current: Tensor[], average: boolean) => {
      averaged.forEach((target, i) => {
        noGrad(() => scope(() => void copy_(target.detach(), average && n > 0 ? this.avgFn(target.detach(), current[i].detach(), n) : current[i].detach())))
      })
    }
    enter(this.module.parameters(), model.parameters(), true)
    enter(this.module.buffers(), model.buffers(), this.useBuffers)
    noGrad(() => this.nAveraged.add_(1))
  }
}
