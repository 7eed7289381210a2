import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const MiB = 2 ** 20

// A fresh copy of the library for each test: a limit can't be set below what earlier tests have reserved.
type Library = typeof import('../../src/index.js')
let lib: Library
beforeEach(async () => {
  vi.resetModules()
  lib = await import('../../src/index.js')
})
afterEach(() => {
  vi.resetModules()
})

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(lib.RuntimeError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

test('the error at the limit names the largest live tensors and the cure, and the library goes on', () => {
  lib.setMemoryLimit(64 * MiB)
  const held = [lib.zeros([3 * MiB]), lib.zeros([2, MiB], { dtype: 'float64' }), lib.zeros([5, 1000], { dtype: 'int64' })]
  const before = lib.memory()
  const text = messageOf(() => lib.zeros([4096, 2048, 2]))
  expect(text).toMatch(/^out of memory: 64\.0 MiB for float32 \[4096, 2048, 2\] don't fit: .* are held by 3 live tensors, the limit is 64\.0 MiB\.\n/)
  const lines = text.split('\n')
  expect(lines.slice(1, 5)).toEqual([
    'Largest live tensors:',
    '  16.0 MiB  float64 [2, 1048576]',
    '  12.0 MiB  float32 [3145728]',
    '  40.0 KiB  int64 [5, 1000]',
  ])
  expect(lines[5]).toContain('for (const step of steps(n))')
  expect(lib.memory()).toEqual(before)
  expect(held[0].add(1).sum().item()).toBe(3 * MiB)
})

test('a bare loop of training runs into the limit', () => {
  lib.setMemoryLimit(24 * MiB)
  lib.manualSeed(0)
  const model = new lib.nn.Linear(256, 256)
  const optimizer = new lib.optim.Adam(model.parameters())
  const x = lib.randn([256, 256])
  const step = () => {
    optimizer.zeroGrad()
    const loss = model.forward(x).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()
  }
  const text = messageOf(() => {
    for (let i = 0; i < 1000; i++) step()
  })
  expect(text).toMatch(/^out of memory: 256 KiB for float32 \[256, 256\] don't fit/)
  expect(text.match(/ {2}256 KiB {2}float32 \[256, 256\]/g)?.length).toBe(5)
})

test('the limit in the middle of a training turn: the turn fails, the next ones train', () => {
  lib.setMemoryLimit(24 * MiB)
  lib.manualSeed(0)
  const model = new lib.nn.Sequential(new lib.nn.Linear(64, 64), new lib.nn.BatchNorm1d(64), new lib.nn.ReLU(), new lib.nn.Linear(64, 1))
  const optimizer = new lib.optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })
  const small = lib.randn([32, 64])
  const large = lib.zeros([1, 64]).expand([16384, 64])
  const losses: number[] = []
  const use: { tensors: number; bytes: number }[] = []
  let failures = 0
  for (const i of lib.steps(40)) {
    optimizer.zeroGrad()
    try {
      const loss = (model.forward(i % 4 === 3 ? large : small) as ReturnType<Library['ones']>).square().mean()
      loss.backward()
      optimizer.step()
      losses.push(loss.item())
      const { tensors, bytes } = lib.memory()
      if (i % 4 === 2) use.push({ tensors, bytes })
    } catch (error) {
      expect(String(error)).toContain('out of memory')
      failures++
    }
  }
  expect(failures).toBe(10)
  expect(losses[losses.length - 1]).toBeLessThan(losses[0])
  for (const u of use) expect(u).toEqual(use[0])
})

test('a limit that is no number of bytes, or too low', () => {
  for (const limit of [0, -1, Number.NaN]) expect(() => lib.setMemoryLimit(limit)).toThrow(`setMemoryLimit: expected a positive number of bytes, got ${limit}`)
  const held = lib.zeros([MiB])
  expect(() => lib.setMemoryLimit(MiB)).toThrow(/setMemoryLimit: .* are reserved already, more than the limit of 1\.00 MiB/)
  expect(held.numel()).toBe(MiB)
})
