import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type * as workerThreads from 'node:worker_threads'
import * as ev from 'evenkeel'
import { F, getNumThreads, nn, optim, setNumThreads, type Tensor } from 'evenkeel'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { allocator } from '../../src/core/allocator.js'
import { launch } from '../../src/kernels/wasm/launch.js'
import type { KernelName } from '../../src/kernels/wasm/loader.js'
import { threadUse } from '../../src/kernels/wasm/threads/threads.js'

/** Every launch is worth sharing here, so that small tensors do. */
vi.mock('../../src/kernels/wasm/threads/work.js', () => ({ workOf: () => Number.POSITIVE_INFINITY }))

async function start(threads: number) {
  setNumThreads(threads)
  await vi.waitFor(() => expect(threadUse().ready).toBe(threads - 1), { timeout: 60_000 })
}

/** Runs `compute` until workers have had a part in it: on a busy machine this thread may be done before they wake up. */
function shared<T>(compute: () => T): T {
  const before = threadUse().ranges
  for (let i = 0; i < 10_000; i++) {
    const result = compute()
    if (threadUse().ranges > before) return result
  }
  throw new Error('no worker ever took a range')
}

const bitsOf = (tensors: readonly Tensor[]): string[] =>
  tensors.map((t) => {
    const { data } = t.contiguous()
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
  })

const generator = (seed: number) => new ev.Generator().manualSeed(seed)

const input = (seed: number, ...shape: number[]): Tensor => ev.randn(shape, { generator: generator(seed), requiresGrad: true })

/** The results and the gradients of all inputs, for gradients that differ from element to element. */
function withGradients(inputs: Tensor[], compute: (...inputs: Tensor[]) => Tensor): Tensor[] {
  const y = compute(...inputs)
  y.backward(ev.randn(y.shape, { generator: generator(99) }))
  return [y, ...inputs.map((x) => x.grad as Tensor)]
}

const plain = (compute: () => Tensor[]) => () => ev.noGrad(compute)

const families: Record<string, () => Tensor[]> = {
  'element by element': () => withGradients([input(1, 90, 257), input(2, 257)], (a, b) => F.gelu(a.mul(b).add(a.exp())).div(b.square().add(1))),
  'comparison and choice': plain(() => {
    const [a, b] = [input(1, 90, 257), input(2, 90, 257)]
    return [a.lt(b), ev.where(a.gt(0), a, b)]
  }),
  'copies and conversions': plain(() => {
    const x = input(1, 70, 90, 33)
    return [x.permute(2, 0, 1).contiguous(), x.to('float64').to('float32'), x.transpose(0, 1).add(1)]
  }),
  recurrent: () => {
    ev.manualSeed(3)
    const lstm = new nn.LSTM(20, 30)
    return withGradients([input(1, 9, 70, 20), ...lstm.parameters()], (x) => lstm.forward(x)[0])
  },
  'matrix product': () => withGradients([input(1, 2, 150, 300), input(2, 2, 300, 270)], (a, b) => a.matmul(b)),
  attention: () =>
    withGradients([input(1, 2, 4, 130, 24), input(2, 2, 2, 130, 24), input(3, 2, 2, 130, 24)], (q, k, v) =>
      F.scaledDotProductAttention(q, k, v, { isCausal: true, enableGqa: true }),
    ),
  'matrix product of few rows': () => withGradients([input(1, 3, 1100), input(2, 30, 1100)], (a, b) => F.linear(a, b)),
  convolution: () => withGradients([input(1, 3, 40, 14, 14), input(2, 34, 40, 3, 2), input(3, 34)], (x, w, b) => F.conv2d(x, w, b, { padding: 1 })),
  'convolution by tiles': () => withGradients([input(1, 3, 17, 15, 14), input(2, 34, 17, 3, 3), input(3, 34)], (x, w, b) => F.conv2d(x, w, b, { padding: 1 })),
  'convolution with a stride': () => withGradients([input(1, 3, 6, 15, 17), input(2, 8, 6, 3, 3)], (x, w) => F.conv2d(x, w, null, { stride: 2, padding: 1 })),
  'depthwise convolution': () => withGradients([input(1, 3, 7, 15, 17), input(2, 7, 1, 3, 3)], (x, w) => F.conv2d(x, w, null, { padding: 1, groups: 7 })),
  'pointwise convolution': () => withGradients([input(1, 3, 7, 15, 17), input(2, 20, 7, 1, 1)], (x, w) => F.conv2d(x, w)),
  'max pooling': () => withGradients([input(1, 3, 5, 15, 15)], (x) => F.maxPool2d(x, 3, { stride: 2 })),
  'average pooling': () => withGradients([input(1, 3, 5, 15, 15)], (x) => F.avgPool2d(x, 3, { stride: 2 })),
  'batch norm of images': () =>
    withGradients([input(1, 5, 7, 19, 13), input(2, 7), input(3, 7)], (x, w, b) => F.batchNorm(x, ev.zeros([7]), ev.ones([7]), w, b, { training: true })),
  'batch norm of vectors': () =>
    withGradients([input(1, 200, 37), input(2, 37), input(3, 37)], (x, w, b) => F.batchNorm(x, ev.zeros([37]), ev.ones([37]), w, b, { training: true })),
  'layer norm': () => withGradients([input(1, 300, 129), input(2, 129), input(3, 129)], (x, w, b) => F.layerNorm(x, [129], w, b)),
  'group norm': () => withGradients([input(1, 9, 8, 11, 5), input(2, 8), input(3, 8)], (x, w, b) => F.groupNorm(x, 4, w, b)),
  reductions: plain(() => {
    const x = input(1, 60, 70, 41)
    return [x.sum(), x.sum(0), x.sum(1), x.sum(-1), x.amax(1), x.amin(-1), x.argmax(2), x.var([0, 2]), x.mean(1)]
  }),
  softmax: () => [...withGradients([input(1, 90, 257)], (x) => F.softmax(x, -1)), ...withGradients([input(2, 9, 40, 37)], (x) => F.logSoftmax(x, 1))],
  'gather and scatter': plain(() => {
    const x = input(1, 40, 90)
    const { indices: index } = ev.sort(x)
    return [ev.gather(x, 1, index), ev.scatterAdd(x, 1, index, x)]
  }),
  'local response norm': () => withGradients([input(1, 3, 11, 40, 30)], (x) => F.localResponseNorm(x, 5)),
  'two training steps': () => {
    ev.manualSeed(3)
    const model = new nn.Sequential(
      new nn.Conv2d(3, 8, 3, { padding: 1 }),
      new nn.BatchNorm2d(8),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(8 * 6 * 6, 33),
      new nn.LayerNorm(33),
      new nn.GELU(),
      new nn.Linear(33, 10),
    )
    const optimizers = [new optim.Adam(model.parameters(), { lr: 0.01 }), new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })]
    const images = input(1, 16, 3, 12, 12).detach()
    const labels = ev.arange(16).remainder(10).to('int64')
    const losses = optimizers.map((optimizer) => {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(images), labels)
      loss.backward()
      optimizer.step()
      return loss.detach()
    })
    return [...losses, ...Object.values(model.stateDict())]
  },
}

const expected = new Map<string, string[]>()
beforeAll(() => {
  for (const [name, compute] of Object.entries(families)) expected.set(name, bitsOf(compute()))
})

describe.each([2, 8])('%i threads give the same bits as one', (threads) => {
  beforeAll(() => start(threads))
  afterAll(() => setNumThreads(1))

  test.each(Object.entries(families))('%s', (name, compute) => {
    expect(shared(() => bitsOf(compute()))).toEqual(expected.get(name))
  })
})

test('workers see memory that has grown since they were started', async () => {
  await start(2)
  const reserved = ev.memory().reservedBytes
  const x = ev.full([reserved / 4], 3)
  expect(ev.memory().reservedBytes).toBeGreaterThan(reserved)
  const y = shared(() => x.square())
  expect(y.sub(9).abs().amax().item()).toBe(0)
  x.dispose()
  y.dispose()
  setNumThreads(1)
})

test('numbers of threads', async () => {
  expect(getNumThreads()).toBe(1)
  for (const n of [0, -1]) expect(() => setNumThreads(n)).toThrow(new ev.RuntimeError('set_num_threads expects a positive integer'))
  expect(() => setNumThreads(1.5)).toThrow(new ev.RuntimeError('set_num_threads expects an int, but got 1.5'))
  expect(() => Reflect.apply(setNumThreads, undefined, ['2'])).toThrow(new ev.RuntimeError('set_num_threads expects an int, but got string'))
  expect(() => setNumThreads(257)).toThrow(new ev.RuntimeError('setNumThreads: at most 256 threads, got 257'))
  expect(getNumThreads()).toBe(1)
  setNumThreads(3)
  expect(getNumThreads()).toBe(3)
  expect(ev.ones([100_000]).sum().item()).toBe(100_000)
  setNumThreads(1)
})

describe('the life of workers', () => {
  type WorkerClass = typeof workerThreads.Worker
  type Start = (Worker: WorkerClass, ...args: ConstructorParameters<WorkerClass>) => workerThreads.Worker

  /** The workers that are started from here on. */
  function watch(startOne: Start = (Worker, ...args) => new Worker(...args)) {
    const started: workerThreads.Worker[] = []
    const module = process.getBuiltinModule('node:worker_threads')
    const { Worker } = module
    vi.spyOn(module, 'Worker').mockImplementation(function (this: unknown, ...args: ConstructorParameters<WorkerClass>) {
      const worker = startOne(Worker, ...args)
      started.push(worker)
      return worker
    })
    return started
  }
  afterEach(() => {
    setNumThreads(1)
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
    vi.unstubAllEnvs()
  })

  /** The library as a program finds it that has not asked for threads. */
  async function withDefault(threads: string | undefined) {
    vi.stubEnv('OMP_NUM_THREADS', threads)
    vi.resetModules()
    return import('../../src/index.js')
  }

  test('setNumThreads(1) ends them, and so does another number', async () => {
    const started = watch()
    await start(3)
    await start(2)
    setNumThreads(1)
    expect(started.length).toBe(3)
    await vi.waitFor(() => expect(started.map((worker) => worker.threadId)).toEqual([-1, -1, -1]), { timeout: 60_000 })
    expect(ev.ones([100_000]).sum().item()).toBe(100_000)
  })

  test('one that dies is an error at the next operation, and one thread goes on', async () => {
    const started = watch()
    await start(3)
    const x = ev.ones([100_000])
    await started[1].terminate()
    expect(() => x.exp()).toThrow(
      new ev.RuntimeError(
        'a worker thread has died (it ended with code 1), so the kernel exp was not run. Evenkeel goes on with one thread; setNumThreads(3) starts new ones.',
      ),
    )
    expect(getNumThreads()).toBe(1)
    expect(x.exp().log().sum().item()).toBe(100_000)
  })

  test('one that could not start is an error that says why', async () => {
    const started = watch((Worker, _, options) => new Worker('throw new Error("not today")', options))
    setNumThreads(2)
    await vi.waitFor(() => expect(started[0].threadId).toBe(-1), { timeout: 60_000 })
    expect(() => ev.ones([100_000])).toThrow('a worker thread has died (not today)')
    expect(getNumThreads()).toBe(1)
  })

  test('a kernel that fails in one is an error that says so', async () => {
    await start(2)
    const y = ev.zeros([8 * 4096])
    // Eight blocks of 16 KiB, of which the last one lies beyond the memory; workers begin with the last.
    const kernel: KernelName = 'copyBytes'
    const from = allocator().memory.buffer.byteLength - 7 * 16384
    const attempt = () => launch(kernel, 8, from, y.storage.ptr, 8 * 16384)
    let message = ''
    for (let i = 0; i < 10_000 && !message.includes('worker'); i++) {
      try {
        attempt()
      } catch (error) {
        message = (error as Error).message
      }
    }
    expect(message).toBe(
      'the kernel copyBytes has failed in a worker thread, and its result is incomplete. Evenkeel goes on with one thread; setNumThreads(2) starts new ones.',
    )
    expect(getNumThreads()).toBe(1)
    expect(attempt).toThrow('memory access out of bounds')
  })

  test('a kernel that fails in this thread leaves the others in order', async () => {
    await start(2)
    const y = ev.zeros([8 * 4096])
    expect(() => launch('copyBytes', 8, allocator().memory.buffer.byteLength, y.storage.ptr, 8 * 16384)).toThrow()
    setNumThreads(1)
    await start(2)
    expect(shared(() => ev.ones([100_000]).sum().item())).toBe(100_000)
  })

  test('by default importing and small work start none; enough work does', async () => {
    const started = watch()
    const fresh = await withDefault('3')
    expect(fresh.getNumThreads()).toBe(3)
    expect(fresh.ones([100]).sum().item()).toBe(100)
    expect(started.length).toBe(0)
    expect(fresh.ones([100_000]).sum().item()).toBe(100_000)
    expect(started.length).toBe(2)
    fresh.setNumThreads(1)
  })

  test('the default is OMP_NUM_THREADS, else the cores up to 4', async () => {
    expect((await withDefault('1')).getNumThreads()).toBe(1)
    expect((await withDefault('7')).getNumThreads()).toBe(7)
    const os = process.getBuiltinModule('node:os')
    const load = vi.spyOn(os, 'loadavg').mockReturnValue([0, 0, 0])
    for (const cores of [1, 3, 64]) {
      vi.spyOn(os, 'availableParallelism').mockReturnValue(cores)
      for (const nothing of [undefined, '', '0', 'all']) expect((await withDefault(nothing)).getNumThreads()).toBe(Math.min(cores, 4))
    }
    load.mockReturnValue([97, 0, 0])
    expect((await withDefault(undefined)).getNumThreads()).toBe(1)
    load.mockReturnValue([95, 0, 0])
    expect((await withDefault(undefined)).getNumThreads()).toBe(4)
    vi.spyOn(process.getBuiltinModule('node:worker_threads'), 'isMainThread', 'get').mockReturnValue(false)
    expect((await withDefault(undefined)).getNumThreads()).toBe(1)
  })

  test("where the default's workers can't start, one thread does all and nothing is said", async () => {
    const started = watch((Worker, _, options) => new Worker('throw new Error("not today")', options))
    const fresh = await withDefault('2')
    const x = fresh.ones([100_000])
    expect(started.length).toBe(1)
    await vi.waitFor(() => expect(started[0].threadId).toBe(-1), { timeout: 60_000 })
    expect(x.exp().log().sum().item()).toBe(100_000)
    expect(fresh.getNumThreads()).toBe(1)

    watch(() => {
      throw new Error('no worker may be started')
    })
    const another = await withDefault('2')
    expect(another.ones([100_000]).sum().item()).toBe(100_000)
    expect(another.getNumThreads()).toBe(1)
  })

  test('Node before 20.16 has one thread, and says so', async () => {
    vi.stubGlobal('process', { ...process, versions: process.versions, getBuiltinModule: undefined })
    const fresh = await withDefault('2')
    expect(fresh.ones([100_000]).sum().item()).toBe(100_000)
    expect(fresh.getNumThreads()).toBe(1)
    expect(() => fresh.setNumThreads(2)).toThrow("setNumThreads(2): can't start threads here: this host has no workers (Node has from version 20.16 on)")
  })

  test('a host without shared memory is told what is missing', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    vi.resetModules()
    const fresh = await import('../../src/index.js')
    expect(() => fresh.setNumThreads(2)).toThrow(/^setNumThreads\(2\): threads need shared memory .*Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/)
    expect(fresh.getNumThreads()).toBe(1)
    expect(() => fresh.setNumThreads(1)).not.toThrow()
  })

  test('a process ends without waiting for them', () => {
    const code = `
      import { matmul, ones, setNumThreads } from '${new URL('../../src/index.ts', import.meta.url)}'
      setNumThreads(4)
      await new Promise((resolve) => setTimeout(resolve, 300))
      process.stdout.write(String(matmul(ones([300, 300]), ones([300, 300])).sum().item()))`
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      cwd: root,
      encoding: 'utf8',
      timeout: 100_000,
    })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '27000000', stderr: '' })
  })
})
