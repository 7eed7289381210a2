import type { Tensor } from '../../src/index.js'
import { noGrad, optim, tensor } from '../../src/index.js'
import { attributeName } from '../../src/nn/names.js'
import { Parameter } from '../../src/nn/parameter.js'

/** One optimizer for each class and each state that it can have. */
export const makers: Readonly<Record<string, (params: Iterable<Tensor>) => optim.Optimizer>> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.05 }),
  'SGD with momentum': (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, weightDecay: 0.01, nesterov: true }),
  Adam: (p) => new optim.Adam(p, { lr: 0.05, weightDecay: 0.01 }),
  'Adam with AMSGrad': (p) => new optim.Adam(p, { lr: 0.05, amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.05 }),
  RMSprop: (p) => new optim.RMSprop(p, { lr: 0.01 }),
  'RMSprop, centered, with momentum': (p) => new optim.RMSprop(p, { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p, { lr: 0.1, initialAccumulatorValue: 0.1, lrDecay: 0.01 }),
  Adadelta: (p) => new optim.Adadelta(p),
  Adamax: (p) => new optim.Adamax(p, { lr: 0.05 }),
  NAdam: (p) => new optim.NAdam(p, { lr: 0.05 }),
  RAdam: (p) => new optim.RAdam(p, { lr: 0.05 }),
}

/** Options from PyTorch's keyword arguments. */
export const optionsOf = (kwargs: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [attributeName(name), value]))

/** An optimizer of the class of that name. */
export function makeOptimizer(name: string, params: Iterable<Tensor>, options: Record<string, unknown>): optim.Optimizer {
  const made: unknown = Reflect.construct(Reflect.get(optim, name), [params, options])
  if (!(made instanceof optim.Optimizer)) throw new TypeError(`${name} is no optimizer`)
  return made
}

/** A scheduler of the class of that name. */
export function makeScheduler(name: string, args: readonly unknown[]): optim.lrScheduler.EpochScheduler | optim.lrScheduler.SequentialLR {
  const { EpochScheduler, SequentialLR } = optim.lrScheduler
  const made: unknown = Reflect.construct(Reflect.get(optim.lrScheduler, name), args)
  if (!(made instanceof EpochScheduler || made instanceof SequentialLR)) throw new TypeError(`${name} is no scheduler`)
  return made
}

/** Tensors from `{ tensor, dtype }`, at any depth. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive)
  if (value === null || typeof value !== 'object') return value
  if ('tensor' in value && 'dtype' in value) return tensor(value.tensor as number[], { dtype: value.dtype as 'float64' })
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]))
}

/** The parameters of the runs in torch-runs.json, and the gradients of step i. */
export const newParameters = (): Parameter[] => [
  new Parameter(
    tensor(
      [
        [-1, -0.6, -0.2],
        [0.2, 0.6, 1],
      ],
      { dtype: 'float64' },
    ),
  ),
  new Parameter(tensor(0.5, { dtype: 'float64' })),
]

export function stepWithWave(optimizer: optim.Optimizer, params: readonly Tensor[], i: number): void {
  noGrad(() => {
    for (const p of params) {
      const phase = Array.from({ length: p.numel() }, (_, k) => k * 1.7 + i * 0.9)
      p.grad = p
        .detach()
        .add(tensor(phase, { dtype: 'float64' }).reshape(p.shape))
        .sin()
    }
  })
  optimizer.step()
}

export const valuesOf = (params: readonly Tensor[]): number[] => params.flatMap((p) => Array.from(p.detach().to('float64').toTypedArray(), Number))

export const largestDifference = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) throw new RangeError(`${a.length} values, expected ${b.length}`)
  return a.reduce((worst, v, i) => Math.max(worst, Number.isNaN(v) ? Number.POSITIVE_INFINITY : Math.abs(v - b[i])), 0)
}
