import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { noGrad } from '../../src/autograd/index.js'
import { keep, memory, resetPeakMemory, scope, steps, turns } from '../../src/core/storage.js'
import type { Tensor } from '../../src/core/tensor.js'
import { ones, randn, tensor, zeros } from '../../src/ops/index.js'

// Everything runs in a scope of its own, so that what one test leaves to the garbage collector can't disturb the count of another.
let before: { tensors: number; bytes: number }
beforeEach(() => {
  before = memory()
})

const live = () => {
  const { tensors, bytes } = memory()
  return { tensors: tensors - before.tensors, bytes: bytes - before.bytes }
}

describe('scope', () => {
  test('releases what was made in it, and keeps its result', () => {
    const kept = scope(() => {
      const x = ones([100])
      return { a: [x.add(1)], b: new Map([['c', x.mul(2)]]), n: 3 }
    })
    expect(live().tensors).toBe(2)
    expect(kept.a[0].sum().item()).toBe(200)
    for (const t of [kept.a[0], kept.b.get('c')]) t?.dispose()
  })

  test('a result of an inner scope belongs to the outer one', () => {
    scope(() => {
      const y = scope(() => ones([3]).add(1))
      expect(y.toArray()).toEqual([2, 2, 2])
    })
    expect(live()).toEqual({ tensors: 0, bytes: 0 })
  })

  test('keep outlives every scope', () => {
    const y = scope(() => {
      scope(() => void keep(ones([2])))
      return scope(() => keep(ones([3])))
    })
    expect(live().tensors).toBe(2)
    expect(y.toArray()).toEqual([1, 1, 1])
    y.dispose()
    expect(live().tensors).toBe(1)
  })

  test('a released tensor says where it was released and what to do', () => {
    let leaked: Tensor | undefined
    scope(() => {
      leaked = ones([2, 3])
    })
    expect(() => leaked?.item()).toThrow('a Tensor with 6 elements')
    expect(() => leaked?.add(1)).toThrow(
      'this tensor (float32 [2, 3]) was released when the scope() it was made in ended. Read numbers out of it before (`.item()`, `.toArray()`), or `keep(tensor)` it where it is made.',
    )
    expect(() => keep(leaked as Tensor)).toThrow('was released')
  })

  test('after an exception the tensors stay usable, and the outer scope is current again', () => {
    let held: Tensor | undefined
    scope(() => {
      expect(() =>
        scope(() => {
          held = ones([2])
          throw new Error('stop')
        }),
      ).toThrow('stop')
      ones([5])
    })
    expect(held?.toArray()).toEqual([1, 1])
    held?.dispose()
    expect(live().tensors).toBe(0)
  })

  test('an async function is refused', () => {
    expect(() => scope(async () => {})).toThrow('scope: the function must be synchronous')
  })

  test('dispose and using release at once; disposing twice or a view does no harm', () => {
    const x = ones([4])
    const view = x.view(2, 2)
    view.dispose()
    expect(x.sum().item()).toBe(4)
    x.dispose()
    x.dispose()
    expect(() => view.add(1)).toThrow('was released by dispose()')
    {
      using y = ones([4])
      expect(y.numel()).toBe(4)
    }
  })
})

describe('steps', () => {
  test('counts, and checks its argument', () => {
    expect([...steps(3)]).toEqual([0, 1, 2])
    expect([...steps(0)]).toEqual([])
    expect(() => steps(-1)).toThrow('steps: expected a whole number of turns, got -1')
    expect(() => steps(1.5)).toThrow(TypeError)
  })

  test('each turn releases what the one before made; the last turn stays', () => {
    scope(() => {
      const seen: Tensor[] = []
      for (const i of steps(3)) seen.push(tensor([i]))
      expect(seen[2].item()).toBe(2)
      expect(() => seen[1].item()).toThrow('was released when the next turn of steps() started')
    })
    expect(live().tensors).toBe(0)
  })

  test('the last turn stays after break, too', () => {
    scope(() => {
      let last: Tensor | undefined
      for (const i of steps()) {
        last = tensor([i])
        if (i === 4) break
      }
      expect(last?.item()).toBe(4)
      expect(live().tensors).toBe(1)
    })
    expect(live().tensors).toBe(0)
  })

  test('and after an exception', () => {
    scope(() => {
      let last: Tensor | undefined
      expect(() => {
        for (const i of steps(5)) {
          last = tensor([i])
          if (i === 2) throw new Error('stop')
        }
      }).toThrow('stop')
      expect(last?.item()).toBe(2)
    })
    expect(live().tensors).toBe(0)
  })

  test('nested loops: the inner loop ends with its outer turn', () => {
    scope(() => {
      const counts: number[] = []
      for (const i of steps(4)) {
        const outer = tensor([i])
        for (const j of steps(3)) outer.add(j)
        counts.push(live().tensors)
      }
      // The outer tensor and the sum of the last inner turn.
      expect(counts).toEqual([2, 2, 2, 2])
    })
  })

  test('keep, parameters and gradients survive the turn', () => {
    scope(() => {
      const w = ones([2], { requiresGrad: true })
      let best: Tensor | undefined
      for (const i of steps(3)) {
        const y = w.mul(i)
        if (i === 0) best = keep(y.detach())
        y.sum().backward()
      }
      expect(w.grad?.toArray()).toEqual([3, 3])
      expect(best?.toArray()).toEqual([0, 0])
    })
  })

  test('turns make the next value inside the turn that it is for', () => {
    function* batches(): Generator<Tensor> {
      yield ones([2])
      yield zeros([2])
    }
    scope(() => {
      const seen: Tensor[] = []
      for (const batch of turns(batches(), 'the test loop')) {
        seen.push(batch)
        expect(batch.numel()).toBe(2)
      }
      expect(() => seen[0].item()).toThrow()
      expect(seen[1].toArray()).toEqual([0, 0])
      expect(() => seen[0].add(1)).toThrow('when the next turn of the test loop started')
    })
  })

  test('awaits inside a turn are fine', async () => {
    let total = 0
    const w = ones([3], { requiresGrad: true })
    for (const i of steps(50)) {
      const y = w.mul(i)
      await null
      y.sum().backward()
      await null
      total += y.sum().item()
    }
    expect(total).toBe((3 * (49 * 50)) / 2)
    expect(live().tensors).toBeLessThan(10)
    for (const t of [w.grad, w]) t?.dispose()
  })

  test('two loops that take turns warn once, and nothing is released under their feet', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const loop = async (): Promise<number> => {
      let sum = 0
      for (const i of steps(5)) {
        const x = tensor([i])
        await null
        sum += x.add(1).item()
      }
      return sum
    }
    expect(await Promise.all([loop(), loop()])).toEqual([15, 15])
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0][0]).toContain('two training loops take turns in one thread')
    warn.mockRestore()
  })
})

/** A hidden layer, its gradients and its update, by hand. */
function trainMlp(turnsToRun: number, sample: (step: number, bytes: number) => void): number {
  return scope(() => {
    const x = randn([8, 4])
    const target = x.sum(1, { keepdim: true })
    const parameters = [randn([4, 16]), zeros([16]), randn([16, 1]), zeros([1])].map((t) => t.requiresGrad_())
    const [w1, b1, w2, b2] = parameters
    let last = 0
    for (const step of steps(turnsToRun)) {
      const loss = x.matmul(w1).add(b1).tanh().matmul(w2).add(b2).sub(target).square().mean()
      loss.backward()
      noGrad(() => {
        for (const p of parameters) {
          if (p.grad) p.sub_(p.grad, { alpha: 0.01 })
          p.grad = null
        }
      })
      last = loss.item()
      sample(step, memory().bytes)
    }
    return last
  })
}

describe('a synchronous training loop without a memory call', () => {
  test('10,000 steps hold as many live bytes as 10', () => {
    const bytes: number[] = []
    const loss = trainMlp(10_000, (step, now) => {
      if (step === 10 || step % 2500 === 2499) bytes.push(now)
    })
    expect(new Set(bytes).size).toBe(1)
    expect(loss).toBeLessThan(0.1)
    expect(live()).toEqual({ tensors: 0, bytes: 0 })
  })

  test('the peak is a few times what one step needs', () => {
    trainMlp(5, () => {})
    resetPeakMemory()
    const start = memory().bytes
    trainMlp(50, () => {})
    expect(memory().peakBytes - start).toBeLessThan(64 * 1024)
  })
})

describe('gradients live as long as their leaf', () => {
  test('a leaf of an inner scope gives its gradient up with itself', () => {
    scope(() => {
      const g = scope(() => {
        const w = ones([2], { requiresGrad: true })
        w.mul(3).sum().backward()
        return w
      })
      expect(g.grad?.toArray()).toEqual([3, 3])
    })
    expect(live().tensors).toBe(0)
  })

  test('one that is replaced belongs to the current scope', () => {
    const w = ones([2], { requiresGrad: true })
    w.mul(3).sum().backward()
    const old = w.grad
    scope(() => {
      w.grad = null
      expect(old?.toArray()).toEqual([3, 3])
    })
    expect(() => old?.add(1)).toThrow('was released when the scope()')
    w.dispose()
  })

  test('one that was kept stays when it is replaced', () => {
    const w = ones([2], { requiresGrad: true })
    w.mul(3).sum().backward()
    const old = keep(w.grad as Tensor)
    scope(() => {
      w.grad = null
    })
    expect(old.toArray()).toEqual([3, 3])
    for (const t of [old, w]) t.dispose()
  })
})

describe('the warning', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  test('a bare loop is told of steps, once', async () => {
    // A fresh copy of the library, whose warning has not been spent.
    vi.resetModules()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const fresh = await import('../../src/ops/index.js')
    const x = fresh.ones([1])
    const held: Tensor[] = []
    for (let i = 0; i < 200_010; i++) held.push(x.detach(), fresh.empty([1]))
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0][0]).toMatch(/200001 tensors .* waiting for the garbage collector.*for \(const step of steps\(n\)\)/)
    for (const t of held) t.dispose()
  })
})
