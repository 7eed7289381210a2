import {
  DataLoader,
  enableGrad,
  F,
  grad,
  keep,
  type MemoryUse,
  manualSeed,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  randint,
  randn,
  scope,
  steps,
  type Tensor,
  TensorDataset,
  zeros,
} from 'evenkeel'
import { beforeEach, describe, expect, test } from 'vitest'
import { SmallCnn } from './training.js'

interface Setup {
  model: SmallCnn
  optimizer: optim.SGD
  trainLoader: DataLoader<[Tensor, Tensor]>
  testLoader: DataLoader<[Tensor, Tensor]>
  x: Tensor
  y: Tensor
}

function setUp(): Setup {
  manualSeed(0)
  const model = new SmallCnn()
  const data = new TensorDataset(randn([12, 1, 6, 6]), randint(3, [12]))
  const loader = () => new DataLoader(data, { batchSize: 3, shuffle: true })
  return {
    model,
    optimizer: new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
    trainLoader: loader(),
    testLoader: loader(),
    x: randn([3, 1, 6, 6]),
    y: randint(3, [3]),
  }
}

const lossOf = ({ model, x, y }: Setup): Tensor => F.crossEntropy(model.forward(x), y)
const held = ({ tensors, bytes }: MemoryUse) => ({ tensors, bytes })

/** Memory as each turn of a loop sees it: all turns after the first few must see the same. */
class Watch {
  private readonly seen: MemoryUse[] = []
  look = (): void => void this.seen.push(memory())

  expectConstant(turns: number): void {
    expect(this.seen.length).toBe(turns)
    // Momentum, gradients and what stays of the turn before are there from the third turn on.
    const settled = this.seen.slice(3).map(held)
    for (const use of settled) expect(use).toEqual(settled[0])
  }
}

let watch: Watch
beforeEach(() => {
  watch = new Watch()
})

describe('constant memory, without a memory call', () => {
  test('evaluation of the whole test set inside every training turn', () => {
    const s = setUp()
    let seen = 0
    for (const _ of steps(40)) {
      s.optimizer.zeroGrad()
      lossOf(s).backward()
      s.optimizer.step()
      s.model.eval()
      noGrad(() => {
        for (const [x, y] of s.testLoader) seen += s.model.forward(x).argmax(1).eq(y).numel()
      })
      s.model.train()
      watch.look()
    }
    watch.expectConstant(40)
    expect(seen).toBe(40 * 12)
  })

  test('epochs of training and evaluation; the last batch of each can still be read when the epoch ends', () => {
    const s = setUp()
    for (let epoch = 0; epoch < 20; epoch++) {
      let loss: Tensor | undefined
      let logits: Tensor | undefined
      for (const [x, y] of s.trainLoader) {
        s.optimizer.zeroGrad()
        loss = F.crossEntropy(s.model.forward(x), y)
        loss.backward()
        s.optimizer.step()
      }
      noGrad(() => {
        for (const [x] of s.testLoader) logits = s.model.forward(x)
      })
      expect(loss?.item()).toBeGreaterThan(0)
      expect(logits?.toTypedArray().every(Number.isFinite)).toBe(true)
      watch.look()
    }
    watch.expectConstant(20)
  })

  test('gradients that accumulate over several turns', () => {
    const s = setUp()
    for (const i of steps(60)) {
      lossOf(s).div(3).backward()
      if (i % 3 === 2) {
        s.optimizer.step()
        s.optimizer.zeroGrad({ setToNone: false })
      }
      if (i % 3 === 2) watch.look()
    }
    watch.expectConstant(20)
  })

  test('a gradient penalty, with createGraph', () => {
    const s = setUp()
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      const x = s.x.clone().requiresGrad_()
      const out = s.model.forward(x)
      const [dx] = grad(out.sum(), [x], { createGraph: true })
      F.crossEntropy(out, s.y).add(dx.square().mean()).backward()
      s.optimizer.step()
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('gradients whose own graph is kept in .grad, taken away again by zeroGrad', () => {
    const s = setUp()
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      lossOf(s).backward(null, { createGraph: true })
      s.optimizer.step()
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('a graph that backward runs over twice', () => {
    const s = setUp()
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      const loss = lossOf(s)
      loss.backward(null, { retainGraph: true })
      loss.backward()
      s.optimizer.step()
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('hooks that store gradients and activations', () => {
    const s = setUp()
    let gradient: Tensor | undefined
    let activation: Tensor | undefined
    let input: Tensor | null | undefined
    s.model.conv1.registerForwardHook((_, __, output) => {
      activation = output as Tensor
    })
    s.model.layerNorm.registerFullBackwardHook((_, gradInput) => {
      input = gradInput[0]
    })
    s.model.fc.weight.registerHook((g) => {
      gradient = g
    })
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      lossOf(s).backward()
      s.optimizer.step()
      expect(gradient?.shape).toEqual([3, 36])
      expect(gradient?.isnan().any().item()).toBe(0)
      expect(activation?.shape).toEqual([3, 3, 6, 6])
      expect(input?.abs().sum().item()).toBeGreaterThan(0)
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('forward passes without a graph, with and without backward', () => {
    const s = setUp()
    for (const i of steps(30)) {
      noGrad(() => {
        s.model.forward(s.x)
        enableGrad(() => lossOf(s).backward())
      })
      s.optimizer.zeroGrad()
      // A graph that is never walked.
      lossOf(s)
      if (i === 0) expect(s.model.fc.weight.grad).toBe(null)
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('a loop inside a scope inside a loop', () => {
    const s = setUp()
    for (const _ of steps(20)) {
      const total = scope(() => {
        let sum = zeros([])
        for (let i = 0; i < 4; i++) sum = sum.add(lossOf(s))
        for (const [x] of s.testLoader) s.model.forward(x)
        sum.backward()
        return sum
      })
      expect(total.item()).toBeGreaterThan(0)
      s.optimizer.step()
      s.optimizer.zeroGrad()
      watch.look()
    }
    watch.expectConstant(20)
  })

  test('exceptions in the middle of a turn, caught inside it', () => {
    const s = setUp()
    for (const i of steps(40)) {
      s.optimizer.zeroGrad()
      const loss = lossOf(s)
      try {
        if (i % 2 === 1) s.model.forward(ones([3, 2, 6, 6]))
        loss.backward()
      } catch (error) {
        expect(String(error)).toContain('to have 1 channels')
      }
      if (i % 2 === 0) watch.look()
    }
    watch.expectConstant(20)
  })

  test('loops left by break, return and exceptions, over one loader', () => {
    const s = setUp()
    const leave: (() => void)[] = [
      () => {
        for (const [x] of s.trainLoader) if (s.model.forward(x).ndim === 2) break
      },
      () => {
        for (const [x] of s.trainLoader) if (s.model.forward(x).ndim === 2) return
      },
      () => {
        for (const [x] of s.trainLoader) s.model.fc.forward(x)
      },
    ]
    for (let i = 0; i < 20; i++) {
      leave[0]()
      leave[1]()
      expect(leave[2]).toThrow('mat1 and mat2 shapes cannot be multiplied')
      watch.look()
    }
    watch.expectConstant(20)
  })

  test('awaits between forward and backward', async () => {
    const s = setUp()
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      const loss = lossOf(s)
      await null
      loss.backward()
      await null
      s.optimizer.step()
      watch.look()
    }
    watch.expectConstant(30)
  })
})

describe('what outlives the turn it was made in', () => {
  test('a model and its optimizer', () => {
    let made: Setup | undefined
    const losses: number[] = []
    for (const _ of steps(60)) {
      made ??= setUp()
      made.optimizer.zeroGrad()
      // The images and labels are the turn's own.
      const loss = F.crossEntropy(made.model.forward(ones([3, 1, 6, 6])), zeros([3], { dtype: 'int64' }))
      loss.backward()
      made.optimizer.step()
      losses.push(loss.item())
      watch.look()
    }
    expect(losses[59]).toBeLessThan(losses[0] / 2)
    watch.expectConstant(60)
  })

  test('every layer that has state, made in one turn and used in the next', () => {
    const layers: nn.Module[] = []
    for (const i of steps(2)) {
      if (i === 0) {
        layers.push(
          new nn.Linear(4, 4),
          new nn.Conv1d(2, 2, 3),
          new nn.ConvTranspose2d(2, 2, 3),
          new nn.Embedding(4, 3, { paddingIdx: 1 }),
          new nn.EmbeddingBag(4, 3),
          new nn.BatchNorm1d(4),
          new nn.BatchNorm3d(4),
          new nn.LayerNorm([2, 3]),
          new nn.PReLU(),
          new nn.Bilinear(2, 3, 4),
          new nn.CrossEntropyLoss({ weight: ones([3]) }),
          new nn.BCEWithLogitsLoss({ weight: ones([3]), posWeight: ones([3]) }),
          new nn.BatchNorm2d(4).double(),
        )
      }
    }
    const tensors = layers.flatMap((layer) => [...layer.parameters(), ...layer.buffers()])
    expect(tensors.length).toBeGreaterThan(30)
    for (const t of tensors) expect(t.toTypedArray().length).toBe(t.numel())
  })

  test('the state of every optimizer, made in the first turn', () => {
    const makers: ((p: Tensor[]) => optim.Optimizer)[] = [
      (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 }),
      (p) => new optim.Adam(p, { amsgrad: true }),
      (p) => new optim.AdamW(p),
      (p) => new optim.RMSprop(p, { momentum: 0.5, centered: true }),
      (p) => new optim.Adagrad(p),
      (p) => new optim.Adadelta(p),
      (p) => new optim.Adamax(p),
      (p) => new optim.NAdam(p),
      (p) => new optim.RAdam(p),
    ]
    for (const make of makers) {
      const w = ones([5]).requiresGrad_()
      let optimizer: optim.Optimizer | undefined
      const use: MemoryUse[] = []
      for (const _ of steps(12)) {
        optimizer ??= make([w])
        optimizer.zeroGrad()
        w.square().sum().backward()
        optimizer.step()
        use.push(memory())
      }
      expect(held(use[11]), optimizer?.constructor.name).toEqual(held(use[3]))
      expect(w.sum().item(), optimizer?.constructor.name).toBeLessThan(5)
    }
  })

  test('a moving average of the weights under keep, replaced in every turn', () => {
    const s = setUp()
    let average = keep(s.model.fc.weight.detach().clone())
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      lossOf(s).backward()
      s.optimizer.step()
      const next = keep(average.mul(0.9).add(s.model.fc.weight.detach(), { alpha: 0.1 }))
      average.dispose()
      average = next
      watch.look()
    }
    watch.expectConstant(30)
    expect(average.sub(s.model.fc.weight).abs().max().item()).toBeLessThan(0.1)
  })

  test('a moving average changed in place needs no keep', () => {
    const s = setUp()
    const average = s.model.fc.weight.detach().clone()
    for (const _ of steps(30)) {
      s.optimizer.zeroGrad()
      lossOf(s).backward()
      s.optimizer.step()
      average.mul_(0.9).add_(s.model.fc.weight.detach(), { alpha: 0.1 })
      watch.look()
    }
    watch.expectConstant(30)
  })

  test('what was kept after its loop outlives the next pass over the loader', () => {
    const { trainLoader } = setUp()
    const sums = () => {
      let last: Tensor | undefined
      for (const [x] of trainLoader) last = x.sum()
      return last as Tensor
    }
    const first = keep(sums())
    const second = sums()
    sums()
    expect(Number.isFinite(first.item())).toBe(true)
    expect(() => second.item()).toThrow('was released when the next turn of the loop over a DataLoader started')
  })

  test('a gradient of the last turn stays with its parameter over the next pass', () => {
    const s = setUp()
    const w = ones([6]).requiresGrad_()
    const pass = (use: (x: Tensor) => void) => {
      for (const [x] of s.trainLoader) use(x)
    }
    pass((x) => {
      w.grad = null
      x.mul(w).sum().backward()
    })
    pass(() => {})
    expect(w.grad?.isnan().any().item()).toBe(0)
  })
})

describe('outside every loop', () => {
  test('a forward pass without a graph leaves its result only', () => {
    const s = setUp()
    s.model.eval()
    noGrad(() => s.model.forward(s.x))
    const before = memory().tensors
    const y = noGrad(() => s.model.forward(s.x))
    const made = memory().tensors - before
    // One output for each of the model's eight operations (flatten is a view), and nothing that only backward would read.
    expect(made).toBe(8)
    expect(y.shape).toEqual([3, 3])
  })

  test('`using` gives a bare loop constant memory', () => {
    const w = ones([100])
    const before = memory()
    for (let i = 0; i < 100; i++) {
      using y = w.mul(i)
      using z = y.sum()
      expect(z.item()).toBe(100 * i)
    }
    expect(held(memory())).toEqual(held(before))
  })
})

test('two loops that take turns in one thread both get the right results', async () => {
  const run = async (seed: number, pause: () => Promise<void>): Promise<number[]> => {
    const w = ones([4]).mul(seed).requiresGrad_()
    const optimizer = new optim.SGD([w], { lr: 0.1, momentum: 0.9 })
    const losses: number[] = []
    const loader = new DataLoader(new TensorDataset(ones([8, 4])), { batchSize: 2 })
    for (let epoch = 0; epoch < 4; epoch++) {
      for (const [x] of loader) {
        optimizer.zeroGrad()
        const out = x.mul(w)
        await pause()
        const loss = out.square().mean()
        loss.backward()
        await pause()
        optimizer.step()
        losses.push(loss.item())
      }
    }
    return losses
  }
  const never = async () => {}
  const tick = () => Promise.resolve()
  const alone = [await run(1, never), await run(2, never), await run(3, never)]
  const slow = async () => {
    for (let i = 0; i < 5; i++) await null
  }
  const warn = console.warn
  const warnings: unknown[] = []
  console.warn = (text) => warnings.push(text)
  try {
    expect(await Promise.all([run(1, tick), run(2, slow), run(3, never)])).toEqual(alone)
  } finally {
    console.warn = warn
  }
  expect(warnings).toEqual([expect.stringContaining('two training loops take turns in one thread')])
})
