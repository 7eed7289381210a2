import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keep, memory, nn, noGrad, optim, steps, type Tensor, tensor, zeros } from '../../src/index.js'
import { makers, newParameters, stepWithWave, valuesOf } from './support.js'

const parameter = (values: number[] = [1, -2, 3]): nn.Parameter => new nn.Parameter(tensor(values))
const withGrad = (values: number[], grad: number[]): nn.Parameter => {
  const p = parameter(values)
  p.grad = tensor(grad)
  return p
}

describe('parameter groups', () => {
  it('options left out are those of the optimizer; each group steps with its own', () => {
    const [a, b] = [withGrad([1], [1]), withGrad([1], [1])]
    const optimizer = new optim.SGD([{ params: a }, { params: [b], lr: 0.5 }], { lr: 0.25, momentum: 0.5 })
    expect(optimizer.paramGroups.map(({ lr, momentum, nesterov }) => [lr, momentum, nesterov])).toEqual([
      [0.25, 0.5, false],
      [0.5, 0.5, false],
    ])
    optimizer.step()
    expect([a.item(), b.item()]).toEqual([0.75, 0.5])
  })

  it('a learning rate that is changed counts at the next step', () => {
    const p = withGrad([1], [1])
    const optimizer = new optim.SGD([p], { lr: 0.25 })
    optimizer.step()
    optimizer.paramGroups[0].lr = 0.5
    optimizer.step()
    expect(p.item()).toBe(0.25)
  })

  it('addParamGroup adds parameters later', () => {
    const [a, b] = [withGrad([1], [1]), withGrad([1], [1])]
    const optimizer = new optim.SGD([a], { lr: 0.25 })
    optimizer.addParamGroup({ params: [b], lr: 0.5, name: 'head' })
    optimizer.step()
    expect([a.item(), b.item()]).toEqual([0.75, 0.5])
    expect(optimizer.paramGroups[1].name).toBe('head')
  })

  it('takes any iterable, and leaves parameters without gradient alone', () => {
    const [a, b] = [withGrad([1], [1]), parameter([1])]
    const optimizer = new optim.Adam(new Set([a, b]).values(), { lr: 0.25, weightDecay: 0.5 })
    optimizer.step()
    expect(b.item()).toBe(1)
    expect(optimizer.state.has(b)).toBe(false)
    expect(a.item()).toBeCloseTo(0.75, 6)
  })
})

describe('what is refused', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'a model',
      () => new optim.SGD(new nn.Linear(1, 1) as never),
      'params argument given to the optimizer should be an iterable of Tensors or dicts, but got Linear',
    ],
    ['nothing', () => new optim.SGD(undefined as never), 'params argument given to the optimizer should be an iterable of Tensors or dicts, but got undefined'],
    ['an infinite learning rate', () => new optim.SGD([parameter()], { lr: Number.POSITIVE_INFINITY }), 'Invalid learning rate: inf'],
    ['NaN as learning rate of a group', () => new optim.SGD([{ params: [parameter()], lr: Number.NaN }]), 'Invalid learning rate: nan'],
    ['a word as learning rate', () => new optim.Adam([parameter()], { lr: '0.1' as never }), 'Adam: lr must be a number, got string'],
    ['a misspelt option', () => new optim.SGD([parameter()], { momemtum: 0.9 } as never), "SGD: got an unexpected option 'momemtum'. Did you mean 'momentum'?"],
    ['a snake_case option', () => new optim.Adam([parameter()], { weight_decay: 0.1 } as never), "Did you mean 'weightDecay'?"],
    [
      'a misspelt option of a group',
      () => new optim.SGD([{ params: [parameter()], lrr: 1 } as never]),
      "SGD parameter group: got an unexpected option 'lrr'. Did you mean 'lr'?",
    ],
    ['foreach', () => new optim.AdamW([parameter()], { foreach: true } as never), "AdamW: option 'foreach' chooses among PyTorch's implementations"],
    ['three betas', () => new optim.Adam([parameter()], { betas: [0.9, 0.99, 0.999] as never }), 'Adam: betas must be an array of two numbers, got an array'],
    ['a second beta of 1', () => new optim.Adamax([parameter()], { betas: [0.9, 1] }), 'Invalid beta parameter at index 1: 1.0'],
    ['a negative alpha', () => new optim.RMSprop([parameter()], { alpha: -0.5 }), 'Invalid alpha value: -0.5'],
    ['a rho above 1', () => new optim.Adadelta([parameter()], { rho: 1.5 }), 'Invalid rho value: 1.5'],
    ['a negative lr decay', () => new optim.Adagrad([parameter()], { lrDecay: -1 }), 'Invalid lr_decay value: -1.0'],
    ['a negative accumulator', () => new optim.Adagrad([parameter()], { initialAccumulatorValue: -1 }), 'Invalid initial_accumulator_value value: -1.0'],
    ['a negative momentum decay', () => new optim.NAdam([parameter()], { momentumDecay: -1 }), 'Invalid momentum_decay value: -1.0'],
    [
      'Nesterov with dampening',
      () => new optim.SGD([parameter()], { nesterov: true, momentum: 0.9, dampening: 0.1 }),
      'Nesterov momentum requires a momentum and zero dampening',
    ],
    ['numbers', () => new optim.SGD([1, 2] as never), 'optimizer can only optimize Tensors, but one of the params is number'],
    ['a computed tensor', () => new optim.SGD([parameter().mul(2)]), "can't optimize a non-leaf Tensor"],
    ['a parameter twice', () => (([p]) => new optim.SGD([p, p]))([parameter()]), 'optimizer contains a parameter group with duplicate parameters'],
    [
      'a group without parameters',
      () => new optim.SGD([parameter()]).addParamGroup({ lr: 1 } as never),
      'SGD: params of a parameter group must be a tensor or an iterable of tensors',
    ],
    ['no group', () => new optim.SGD([parameter()]).addParamGroup(null as never), 'param_group must be a dict, but got null'],
    [
      'an unknown option of zeroGrad',
      () => new optim.SGD([parameter()]).zeroGrad({ setToZero: true } as never),
      "zeroGrad: got an unexpected option 'setToZero'",
    ],
  ]
  it.each(cases)('%s', (_, provoke, message) => {
    expect(provoke).toThrow(message)
  })

  it('a learning rate that became NaN: nothing is changed', () => {
    const [a, b] = [withGrad([1], [1]), withGrad([1], [1])]
    const optimizer = new optim.Adam([{ params: [a] }, { params: [b] }])
    optimizer.paramGroups[1].lr = Number.NaN
    expect(() => optimizer.step()).toThrow('Invalid learning rate: nan')
    expect([a.item(), b.item(), optimizer.state.size]).toEqual([1, 1, 0])
  })
})

describe('step and zeroGrad', () => {
  it('the closure computes the loss with a graph, and its value is returned', () => {
    const p = parameter([1, 2])
    const optimizer = new optim.SGD([p], { lr: 0.5 })
    const loss = noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad()
        const value = p.square().sum()
        value.backward()
        return value.item()
      }),
    )
    expect(loss).toBe(5)
    expect(p.toArray()).toEqual([0, 0])
    expect(optimizer.step()).toBeNull()
  })

  it('zeroGrad forgets gradients, or keeps them as zeros', () => {
    const p = withGrad([1, 2], [3, 4])
    const optimizer = new optim.SGD([p])
    optimizer.zeroGrad({ setToNone: false })
    expect(p.grad?.toArray()).toEqual([0, 0])
    optimizer.zeroGrad()
    expect(p.grad).toBeNull()
  })

  it.each(Object.keys(makers))('%s: a graph that saved the parameter before the step is stale after it', (name) => {
    const p = parameter([1, 2])
    const optimizer = makers[name]([p])
    const loss = p.square().sum()
    p.grad = tensor([1, 1])
    optimizer.step()
    expect(p.requiresGrad && p.isLeaf).toBe(true)
    expect(() => loss.backward()).toThrow('has been modified by an inplace operation')
  })

  it.each(Object.keys(makers))('%s: parameters and gradients of any layout and dtype', (name) => {
    const values = [1, -2, 3, 0.5, -0.25, 2]
    const grads = [0.5, 1, -1, 0.25, 2, -0.5]
    const run = (p: nn.Parameter, g: Tensor): number[] => {
      const optimizer = makers[name]([p])
      for (let i = 0; i < 3; i++) {
        p.grad = g
        optimizer.step()
      }
      return valuesOf([p])
    }
    const square = (v: number[], dtype: 'float32' | 'float64') => tensor(v, { dtype }).reshape([2, 3])
    const want = run(new nn.Parameter(square(values, 'float64')), square(grads, 'float64'))
    const transposed = (v: number[]) => square(v, 'float32').t().contiguous().t()
    for (const got of [
      run(new nn.Parameter(square(values, 'float32')), square(grads, 'float32')),
      run(new nn.Parameter(transposed(values)), transposed(grads)),
      run(new nn.Parameter(square(values, 'float32')), transposed(grads)),
    ]) {
      got.forEach((v, i) => {
        expect(v).toBeCloseTo(want[i], 5)
      })
    }
    const expanded = run(new nn.Parameter(square(values, 'float32')), tensor(0.5).expand([2, 3]))
    const full = run(new nn.Parameter(square(values, 'float64')), square(Array(6).fill(0.5), 'float64'))
    expanded.forEach((v, i) => {
      expect(v).toBeCloseTo(full[i], 5)
    })
  })

  it('maximize goes the other way for every optimizer', () => {
    const { lrScheduler: _, Optimizer: __, swaUtils: ___, ...classes } = optim
    expect(Object.keys(classes).sort()).toEqual(['Adadelta', 'Adagrad', 'Adam', 'AdamW', 'Adamax', 'NAdam', 'RAdam', 'RMSprop', 'SGD'])
    for (const make of Object.values(classes)) {
      const [up, down] = [withGrad([0, 0], [0.5, -2]), withGrad([0, 0], [-0.5, 2])]
      const optimizers = [new make([up], { lr: 0.1, maximize: true }), new make([down], { lr: 0.1 })]
      for (let i = 0; i < 3; i++) for (const o of optimizers) o.step()
      expect(up.toArray()).toEqual(down.toArray())
      expect(Math.sign(Number(up.data[0]))).toBe(1)
    }
  })

  it('a constant gradient leaves centered RMSprop finite, where rounding makes the variance negative', () => {
    const p = parameter([1, 1, 1, 1])
    const optimizer = new optim.RMSprop([p], { lr: 1e-6, centered: true, alpha: 0.5 })
    for (let i = 0; i < 100; i++) {
      p.grad = tensor([0.1, 0.3, 0.7, 1.1])
      optimizer.step()
    }
    expect(valuesOf([p]).every(Number.isFinite)).toBe(true)
  })
})

describe('training', () => {
  it.each(Object.keys(makers))('%s makes a convex loss small', (name) => {
    const target = tensor([0.5, -0.3, 0.8])
    const p = parameter([0, 0, 0])
    const optimizer = makers[name]([p])
    const rate = name === 'Adadelta' ? 30 : 1
    for (const group of optimizer.paramGroups) group.lr *= rate
    const loss = () => p.sub(target).square().sum()
    const before = loss().item()
    for (const _ of steps(300)) {
      optimizer.zeroGrad()
      loss().backward()
      optimizer.step()
    }
    expect(loss().item()).toBeLessThan(before * 1e-3)
  })

  it('a small network learns XOR', () => {
    const values = [0.5, -0.4, 0.3, 0.7, -0.6, 0.2, 0.9, -0.8]
    const w1 = new nn.Parameter(tensor(values).reshape([2, 4]))
    const b1 = new nn.Parameter(zeros([4]))
    const w2 = new nn.Parameter(tensor(values.slice(0, 4)).reshape([4, 1]))
    const b2 = new nn.Parameter(zeros([1]))
    const optimizer = new optim.Adam([w1, b1, w2, b2], { lr: 0.05 })
    const x = keep(tensor([0, 0, 0, 1, 1, 0, 1, 1]).reshape([4, 2]))
    const y = keep(tensor([0, 1, 1, 0]).reshape([4, 1]))
    const output = () => x.matmul(w1).add(b1).tanh().matmul(w2).add(b2)
    for (const _ of steps(400)) {
      optimizer.zeroGrad()
      output().sub(y).square().mean().backward()
      optimizer.step()
    }
    valuesOf([output()]).forEach((v, i) => {
      expect(v).toBeCloseTo([0, 1, 1, 0][i], 1)
    })
  })

  it.each(Object.keys(makers))('%s: the state outlives the turns of a loop, and steps keep no memory', (name) => {
    const p = parameter([1, 2, 3])
    const optimizer = makers[name]([p])
    let afterTen = 0
    for (const step of steps(60)) {
      optimizer.zeroGrad()
      p.square().sum().backward()
      optimizer.step()
      if (step === 10) afterTen = memory().bytes
      if (step === 59) expect(memory().bytes).toBe(afterTen)
    }
    for (const t of Object.values(optimizer.state.get(p) ?? {})) expect(Number.isFinite(t?.sum().item())).toBe(true)
  })
})

describe('properties', () => {
  it('SGD with momentum is its definition, for any options', () => {
    const number = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        number,
        number,
        number,
        number,
        fc.boolean(),
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (lr, momentum, dampening, weightDecay, maximize, grads) => {
          const p = new nn.Parameter(tensor([1.5], { dtype: 'float64' }))
          const optimizer = new optim.SGD([p], { lr, momentum, dampening, weightDecay, maximize })
          let theta = 1.5
          let v = 0
          grads.forEach((grad, t) => {
            p.grad = tensor([grad], { dtype: 'float64' })
            optimizer.step()
            const g = (maximize ? -grad : grad) + weightDecay * theta
            v = t === 0 ? g : momentum * v + (1 - dampening) * g
            theta -= lr * (momentum === 0 ? g : v)
            expect(p.item()).toBeCloseTo(theta, 12)
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  it("Adam's steps don't depend on the gradient's scale, and the first one is lr", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (scale) => {
        const run = (s: number) => {
          const params = newParameters()
          const optimizer = new optim.Adam(params, { lr: 0.01, eps: 0 })
          const trace: number[][] = []
          for (let i = 0; i < 4; i++) {
            noGrad(() => {
              for (const p of params)
                p.grad = p
                  .detach()
                  .add(i + 2)
                  .mul(s)
            })
            optimizer.step()
            trace.push(valuesOf(params))
          }
          return trace
        }
        const [plain, scaled] = [run(1), run(scale)]
        plain.flat().forEach((v, i) => {
          expect(scaled.flat()[i]).toBeCloseTo(v, 10)
        })
        const start = valuesOf(newParameters())
        plain[0].forEach((v, i) => {
          expect(start[i] - v).toBeCloseTo(0.01, 10)
        })
      }),
      { numRuns: 20 },
    )
  })

  it('prints as PyTorch does', () => {
    const params = newParameters()
    const optimizer = new optim.Adam(params, { lr: 0.5 })
    stepWithWave(optimizer, params, 0)
    expect(String(optimizer)).toBe(
      'Adam (\nParameter Group 0\n    amsgrad: False\n    betas: (0.9, 0.999)\n    eps: 1e-08\n    lr: 0.5\n    maximize: False\n    weight_decay: 0\n)',
    )
  })
})
