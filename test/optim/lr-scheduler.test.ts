import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { nn, optim, tensor } from '../../src/index.js'

const {
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
} = optim.lrScheduler

const sgd = (lr = 0.5, options: optim.SGDOptions = {}): optim.SGD => new optim.SGD([new nn.Parameter(tensor([1]))], { lr, ...options })
const twoGroups = (): optim.SGD =>
  new optim.SGD([{ params: [new nn.Parameter(tensor([1]))] }, { params: [new nn.Parameter(tensor([1]))], lr: 0.25 }], { lr: 0.5, momentum: 0.9 })

/** The learning rates of the first epochs. */
function rates(optimizer: optim.Optimizer, scheduler: { step(): void }, epochs: number): number[] {
  return Array.from({ length: epochs }, () => {
    const [{ lr }] = optimizer.paramGroups
    optimizer.step()
    scheduler.step()
    return lr
  })
}

describe('closed forms', () => {
  const base = 0.5
  const factor = fc.double({ min: 0.05, max: 1, noNaN: true })
  const count = fc.integer({ min: 1, max: 12 })
  const check = (make: (optimizer: optim.SGD) => { step(): void }, form: (epoch: number) => number) => {
    const optimizer = sgd(base)
    for (const [epoch, lr] of rates(optimizer, make(optimizer), 25).entries()) expect(lr).toBeCloseTo(form(epoch), 12)
  }

  it('StepLR, ExponentialLR', () => {
    fc.assert(
      fc.property(factor, count, (gamma, size) => {
        check(
          (o) => new StepLR(o, size, { gamma }),
          (e) => base * gamma ** Math.floor(e / size),
        )
        check(
          (o) => new ExponentialLR(o, gamma),
          (e) => base * gamma ** e,
        )
      }),
      { numRuns: 20 },
    )
  })

  it('MultiStepLR', () => {
    fc.assert(
      fc.property(factor, fc.array(fc.integer({ min: 1, max: 24 })), (gamma, milestones) => {
        check(
          (o) => new MultiStepLR(o, milestones, { gamma }),
          (e) => base * gamma ** milestones.filter((m) => m <= e).length,
        )
      }),
      { numRuns: 20 },
    )
  })

  it('ConstantLR, LinearLR, PolynomialLR, CosineAnnealingLR', () => {
    fc.assert(
      fc.property(factor, factor, count, (start, end, total) => {
        check(
          (o) => new ConstantLR(o, { factor: start, totalIters: total }),
          (e) => base * (e < total ? start : 1),
        )
        check(
          (o) => new LinearLR(o, { startFactor: start, endFactor: end, totalIters: total }),
          (e) => base * (start + ((end - start) * Math.min(e, total)) / total),
        )
        check(
          (o) => new PolynomialLR(o, { totalIters: total, power: end * 3 }),
          (e) => base * (1 - Math.min(e, total) / total) ** (end * 3),
        )
        check(
          (o) => new CosineAnnealingLR(o, total, { etaMin: start / 10 }),
          (e) => start / 10 + ((base - start / 10) * (1 + Math.cos((Math.PI * e) / total))) / 2,
        )
      }),
      { numRuns: 20 },
    )
  })

  it('a factor of 0 comes back to the full rate', () => {
    const optimizer = sgd(0.5)
    expect(rates(optimizer, new ConstantLR(optimizer, { factor: 0, totalIters: 2 }), 4)).toEqual([0, 0, 0.5, 0.5])
  })
})

describe('schedules', () => {
  it('LambdaLR takes one function for all groups, or one for each', () => {
    const optimizer = twoGroups()
    const scheduler = new LambdaLR(optimizer, [(epoch) => 1 / (epoch + 1), () => 2])
    optimizer.step()
    scheduler.step()
    expect(scheduler.getLastLr()).toEqual([0.25, 0.5])
    expect(scheduler.stateDict()).toEqual({ base_lrs: [0.5, 0.25], last_epoch: 1, _step_count: 2, _last_lr: [0.25, 0.5], lr_lambdas: [null, null] })
    expect(() => new LambdaLR(optimizer, [() => 1])).toThrow('Expected 2 lr_lambdas, but got 1')
  })

  it('schedules can be combined: recursive forms multiply', () => {
    const optimizer = sgd(1)
    const both = [new ExponentialLR(optimizer, 0.5), new StepLR(optimizer, 2, { gamma: 0.1 })]
    const seen = rates(optimizer, { step: () => both.map((s) => s.step()) }, 4)
    for (const [i, lr] of [1, 0.5, 0.025, 0.0125].entries()) expect(seen[i]).toBeCloseTo(lr, 15)
  })

  it('CyclicLR with a function of its own', () => {
    const optimizer = sgd(1)
    const scheduler = new CyclicLR(optimizer, 0, 1, { stepSizeUp: 2, scaleFn: (step) => step, scaleMode: 'iterations', cycleMomentum: false })
    expect(rates(optimizer, scheduler, 6)).toEqual([0, 0.5, 2, 1.5, 0, 2.5])
    expect(scheduler.stateDict()._scale_fn_custom).toBeNull()
  })

  it('OneCycleLR goes over a rise of no length, where PyTorch divides by 0', () => {
    const optimizer = sgd(1, { momentum: 0.9 })
    const seen = rates(optimizer, new OneCycleLR(optimizer, 1, { totalSteps: 10, pctStart: 0.1 }), 10)
    expect(seen[0]).toBe(1)
    expect(seen[9]).toBeCloseTo(1 / 25 / 1e4, 15)
    expect(seen.slice(1).every((lr, i) => lr < seen[i])).toBe(true)
  })

  it('OneCycleLR ends', () => {
    const optimizer = sgd(1, { momentum: 0.9 })
    const scheduler = new OneCycleLR(optimizer, 1, { totalSteps: 3 })
    rates(optimizer, scheduler, 3)
    expect(() => scheduler.step()).toThrow('Tried to step 4 times. The specified number of total steps is 3')
  })

  it("cycles Adam's first beta and leaves the second", () => {
    const optimizer = new optim.Adam([new nn.Parameter(tensor([1]))], { betas: [0.5, 0.75] })
    new OneCycleLR(optimizer, 1, { totalSteps: 10 })
    expect(optimizer.paramGroups[0].betas).toEqual([0.95, 0.75])
  })

  it('SequentialLR in SequentialLR', () => {
    const optimizer = sgd(1)
    const inner = new SequentialLR(optimizer, [new ConstantLR(optimizer, { factor: 0.5, totalIters: 10 }), new ExponentialLR(optimizer, 0.5)], [2])
    const scheduler = new SequentialLR(optimizer, [new ConstantLR(optimizer, { factor: 0.25, totalIters: 10 }), inner], [2])
    expect(rates(optimizer, scheduler, 7)).toEqual([0.25, 0.25, 0.5, 0.5, 1, 0.5, 0.25])
  })

  it('lastEpoch resumes a schedule where only the groups were kept', () => {
    const whole = sgd(0.5)
    const schedule = new CosineAnnealingLR(whole, 10)
    rates(whole, schedule, 4)
    const rest = rates(whole, schedule, 5)
    const optimizer = new optim.SGD([{ params: [new nn.Parameter(tensor([1]))], lr: 0.1, initialLr: 0.5 }])
    const seen = rates(optimizer, new CosineAnnealingLR(optimizer, 10, { lastEpoch: 3 }), 5)
    for (const [i, lr] of rest.entries()) expect(seen[i]).toBeCloseTo(lr, 12)
    expect(() => new StepLR(sgd(), 1, { lastEpoch: 3 })).toThrow("param 'initial_lr' is not specified in param_groups[0] when resuming an optimizer")
  })

  it('ReduceLROnPlateau serves a group that was added later', () => {
    const optimizer = sgd(0.5)
    const scheduler = new ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 })
    const own = new ReduceLROnPlateau(optimizer, { patience: 0, minLr: [0.1] })
    optimizer.addParamGroup({ params: [new nn.Parameter(tensor([1]))], lr: 1 })
    scheduler.step(1)
    scheduler.step(Number.NaN)
    expect(scheduler.getLastLr()).toEqual([0.25, 0.5])
    own.step(1)
    expect(() => own.step(1)).toThrow('The number of param groups in the `optimizer` (2) differs from when `ReduceLROnPlateau` was initialized (1)')
  })

  it('a schedule that is stepped before the optimizer says so, once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    try {
      for (let i = 0; i < 2; i++) {
        const scheduler = new StepLR(sgd(), 1)
        scheduler.step()
        scheduler.step()
      }
      expect(warn.mock.calls.map(([text]) => String(text).slice(0, 78))).toEqual([
        'evenkeel: Detected call of `lr_scheduler.step()` before `optimizer.step()`. Ca',
      ])
    } finally {
      warn.mockRestore()
    }
  })
})

describe('what is refused', () => {
  const momentum = () => sgd(0.5, { momentum: 0.9 })
  const cases: [string, () => unknown, string][] = [
    ['no optimizer', () => new StepLR({} as never, 3), 'Object is not an Optimizer'],
    ['a step size of 0', () => new StepLR(sgd(), 0), 'Expected positive integer step_size, but got 0'],
    ['a gamma of NaN', () => new StepLR(sgd(), 1, { gamma: Number.NaN }), 'Expected finite gamma, but got nan'],
    ['no gamma', () => new ExponentialLR(sgd(), undefined as never), 'gamma must be a number, got undefined'],
    ['a misspelt option', () => new StepLR(sgd(), 1, { gama: 0.5 } as never), "StepLR: got an unexpected option 'gama'. Did you mean 'gamma'?"],
    ['a last epoch below -1', () => new StepLR(sgd(), 1, { lastEpoch: -2 }), 'Expected integer last_epoch >= -1, but got -2'],
    ['a constant factor above 1', () => new ConstantLR(sgd(), { factor: 2 }), 'Constant multiplicative factor expected to be between 0 and 1.'],
    [
      'a start factor of 0',
      () => new LinearLR(sgd(), { startFactor: 0 }),
      'Starting multiplicative factor expected to be greater than 0 and less or equal to 1.',
    ],
    ['an end factor of NaN', () => new LinearLR(sgd(), { endFactor: Number.NaN }), 'Ending multiplicative factor expected to be between 0 and 1.'],
    ['T_max of 0', () => new CosineAnnealingLR(sgd(), 0), 'Expected positive integer T_max, but got 0'],
    ['T_0 of 1.5', () => new CosineAnnealingWarmRestarts(sgd(), 1.5), 'Expected positive integer T_0, but got 1.5'],
    ['T_mult of 0', () => new CosineAnnealingWarmRestarts(sgd(), 1, { T_mult: 0 }), 'Expected integer T_mult >= 1, but got 0'],
    ['total steps of -1', () => new OneCycleLR(momentum(), 1, { totalSteps: -1 }), 'Expected positive integer total_steps, but got -1'],
    ['epochs without steps', () => new OneCycleLR(momentum(), 1, { epochs: 2 }), 'You must define either total_steps OR (epochs AND steps_per_epoch)'],
    ['pctStart of 2', () => new OneCycleLR(momentum(), 1, { totalSteps: 5, pctStart: 2 }), 'Expected float between 0 and 1 pct_start, but got 2'],
    [
      'an unknown strategy',
      () => new OneCycleLR(momentum(), 1, { totalSteps: 5, annealStrategy: 'toString' as never }),
      "anneal_strategy must be one of 'cos' or 'linear', instead got toString",
    ],
    [
      'momentum of an optimizer without',
      () => new OneCycleLR(new optim.Adagrad([new nn.Parameter(tensor([1]))]), 1, { totalSteps: 5 }),
      'optimizer must support momentum or beta1 with `cycle_momentum` option enabled',
    ],
    [
      'rates for other groups',
      () => new OneCycleLR(momentum(), [1, 2], { totalSteps: 5 }),
      'max_lr must have the same length as optimizer.param_groups. max_lr has 2 values, param_groups has 1.',
    ],
    ['an unknown mode', () => new CyclicLR(momentum(), 0.1, 1, { mode: 'square' as never }), 'mode is invalid and scale_fn is None'],
    ['a rate that is not finite', () => new CyclicLR(momentum(), 0.1, Number.POSITIVE_INFINITY), 'Expected finite max_lr, but got inf'],
    [
      'a lambda that returns nothing',
      () => new LambdaLR(sgd(), (() => undefined) as never),
      'LambdaLR: the learning rate of parameter group 0 would be nan in epoch 0',
    ],
    ['no schedulers', () => new SequentialLR(sgd(), [], []), 'SequentialLR expects at least one scheduler, but got no scheduler.'],
    [
      'too few milestones',
      () => ((o) => new SequentialLR(o, [new StepLR(o, 1), new StepLR(o, 1)], []))(sgd()),
      'Sequential Schedulers expects number of schedulers provided to be one more',
    ],
    [
      'a scheduler of another optimizer',
      () => new SequentialLR(sgd(), [new StepLR(sgd(), 1)], []),
      'SequentialLR expects all schedulers to belong to the same optimizer',
    ],
    [
      'a plateau in a sequence',
      () => ((o) => new SequentialLR(o, [new ReduceLROnPlateau(o) as never], []))(sgd()),
      'SequentialLR does not support `ReduceLROnPlateau` scheduler',
    ],
    ['a factor of 1', () => new ReduceLROnPlateau(sgd(), { factor: 1 }), 'Factor should be < 1.0.'],
    ['an unknown plateau mode', () => new ReduceLROnPlateau(sgd(), { mode: 'low' as never }), 'mode low is unknown!'],
    ['an unknown threshold mode', () => new ReduceLROnPlateau(sgd(), { thresholdMode: 'x' as never }), 'threshold mode x is unknown!'],
    ['minimal rates for other groups', () => new ReduceLROnPlateau(sgd(), { minLr: [1, 2] }), 'expected 1 min_lrs, got 2'],
    [
      'no metric',
      () => new ReduceLROnPlateau(sgd()).step(undefined as never),
      'ReduceLROnPlateau: step needs the metric, a number or a tensor of one element, got undefined',
    ],
  ]
  it.each(cases)('%s', (_, provoke, message) => {
    expect(provoke).toThrow(message)
  })
})

describe('stateDict and loadStateDict', () => {
  it('is a copy', () => {
    const optimizer = sgd()
    const scheduler = new MultiStepLR(optimizer, [1, 1])
    const state = scheduler.stateDict()
    rates(optimizer, scheduler, 2)
    expect(state).toEqual({ last_epoch: 0, _last_lr: [0.5], base_lrs: [0.5], _step_count: 1, milestones: { 1: 2 }, gamma: 0.1 })
    scheduler.loadStateDict(state)
    rates(optimizer, scheduler, 2)
    expect(state).toMatchObject({ last_epoch: 0, _last_lr: [0.5] })
  })

  it('the state of another scheduler is refused, and nothing changes', () => {
    const optimizer = sgd()
    const scheduler = new StepLR(optimizer, 3)
    const before = scheduler.stateDict()
    expect(() => scheduler.loadStateDict(new ExponentialLR(optimizer, 0.5).stateDict())).toThrow(
      "StepLR.loadStateDict: 'step_size' is missing. Was the state saved by another scheduler?",
    )
    expect(() => scheduler.loadStateDict({ ...before, last_epoch: 7, gamma: null })).toThrow('StepLR.loadStateDict: gamma must be number, got null')
    expect(() => scheduler.loadStateDict(null as never)).toThrow('StepLR.loadStateDict: expected an object, got null')
    expect(scheduler.stateDict()).toEqual(before)
    const sequence = new SequentialLR(optimizer, [scheduler], [])
    expect(() => sequence.loadStateDict({ ...sequence.stateDict(), _schedulers: [] })).toThrow(
      "SequentialLR.loadStateDict: '_schedulers' must be the states of 1 schedulers",
    )
  })
})
