import { afterEach, describe, expect, test, vi } from 'vitest'
import { memory } from '../../../src/core/storage.js'
import { emptyTensor, type Tensor } from '../../../src/core/tensor.js'
import { backendInfo, kernels, setBackend, setNumThreads } from '../../../src/kernels/index.js'
import { reference } from '../../../src/kernels/reference/index.js'
import { wasm } from '../../../src/kernels/wasm/index.js'
import { launch, launchCount } from '../../../src/kernels/wasm/launch.js'
import { instantiate, type KernelName } from '../../../src/kernels/wasm/loader.js'
import { random, randomView, unwritten } from './views.js'

const float = (values: readonly number[]): Tensor => {
  const t = emptyTensor([values.length], 'float32')
  ;(t.data as Float32Array).set(values)
  return t
}

describe('backends', () => {
  afterEach(() => setBackend('wasm'))

  test('WebAssembly where the host can compile it, the reference on request', () => {
    setNumThreads(3)
    const { memory: use, ...info } = backendInfo()
    setNumThreads(1)
    expect(info).toEqual({ backend: 'wasm', refusal: null, simd: true, relaxedSimd: false, threads: 3, sharedMemory: true })
    expect(use).toEqual(memory())
    expect(kernels).toBe(wasm)
    setBackend('reference')
    expect(kernels).toBe(reference)
    expect(backendInfo()).toMatchObject({ backend: 'reference', refusal: null, simd: false, threads: 1 })
    expect(() => setBackend('webgpu' as 'wasm')).toThrow("setBackend: expected 'wasm' or 'reference', got 'webgpu'")
  })
})

describe('hosts', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })
  const fresh = async () => {
    vi.resetModules()
    return {
      index: await import('../../../src/kernels/index.js'),
      core: await import('../../../src/core/tensor.js'),
      memory: await import('../../../src/core/allocator.js'),
    }
  }

  test('importing compiles nothing, the first kernel does', async () => {
    const compile = vi.spyOn(WebAssembly, 'Module')
    const { index, core } = await fresh()
    expect(compile).not.toHaveBeenCalled()
    index.kernels.fill(core.emptyTensor([3], 'float32'), 1)
    index.kernels.fill(core.emptyTensor([3], 'float32'), 1)
    expect(compile).toHaveBeenCalledTimes(1)
    compile.mockRestore()
  })

  test('a page without shared memory gets kernels on an unshared one', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    const { index, core, memory } = await fresh()
    const x = core.emptyTensor([5], 'float32')
    index.kernels.fill(x, 3)
    index.kernels.unary('square', x, x)
    expect(Array.from(x.data as Float32Array)).toEqual([9, 9, 9, 9, 9])
    expect(memory.allocator().memory.buffer).toBeInstanceOf(ArrayBuffer)
    expect(index.backendInfo()).toMatchObject({ backend: 'wasm', refusal: null, threads: 1, sharedMemory: false })
  })

  test('a host that cannot compile runs the reference and says why', async () => {
    vi.stubGlobal('WebAssembly', {
      ...Object.fromEntries(Object.getOwnPropertyNames(WebAssembly).map((name) => [name, Reflect.get(WebAssembly, name)])),
      Module: class {
        constructor() {
          throw new Error('blocked by the content security policy')
        }
      },
    })
    const { index, core } = await fresh()
    const x = core.emptyTensor([5], 'float32')
    index.kernels.fill(x, 3)
    expect(Array.from(x.data as Float32Array)).toEqual([3, 3, 3, 3, 3])
    expect(index.backendInfo().backend).toBe('reference')
    expect(index.backendInfo().refusal).toContain('blocked by the content security policy')
    expect(() => index.setBackend('wasm')).toThrow("the WebAssembly kernels can't be compiled here")
  })
})

describe('launch', () => {
  test('counts kernels', () => {
    const before = launchCount()
    wasm.fill(float([1, 2]), 0)
    wasm.unary('exp', float([1, 2]), float([1, 2]))
    expect(launchCount() - before).toBe(2)
  })

  test('addresses beyond 2 GiB are unsigned', () => {
    // The kernel's own sum of address and offset wraps to where the tensor lies.
    const y = unwritten([6])
    launch('fill', 1, y.storage.ptr + 2 ** 32, 7, 5)
    expect(Array.from(y.data as Float32Array)).toEqual([7, 7, 7, 7, 7, Number.NaN])
  })

  /** The kernel over all blocks at once, and over ranges one after the other, last first, write the same bits. */
  const kernelsInRanges: [KernelName, number, (x: number, y: number) => number[]][] = [
    ['exp', 3, (x, y) => [x, y, 0, 0, 0, 9001]],
    ['sub', 3, (x, y) => [x, x + 4, y, 1, 0, 0, 9000, 30, 100, 1, 30, 3000, 1, 0, 0, 30, 3000]],
    ['where', 3, (x, y) => [x, x, x + 400, y, 9000, 90, 100, 1, 0, 0, 1, 90, 0, 0, 1, 0, 90, 0]],
    ['copyBytes', 3, (x, y) => [x, y, 40001]],
    ['copy32', 4, (x, y) => [x, y, 70, 60, 2, 60, 1, 4200, 0, 1, 70, 4200, 0]],
    ['planeMoments', 5, (x, y) => [x, y, 1999]],
    ['columnMoments', 4, (x, y) => [x, y, 99, 21]],
    ['rowNorm', 7, (x, y) => [x, y, x, x + 4, y + 30000, y + 30080, 1e-5, 1000, 1, 1, 0, 0, x + 8, 1, 0, 0, 0]],
    ['rowGrad', 4, (x, y) => [x, x + 4, y, x, y + 39000, y + 38000, y + 28000, 29, 200, 1, 8]],
    ['segmentedRowGrad', 6, (x, y) => [x, x + 4, y, x, y + 39000, y + 38000, y + 28000, 600, 3, 50]],
    ['sumPieces', 6, (x, y) => [x, y, 4000, 1999]],
    ['sumMiddle', 6, (x, y) => [x, y, 60, 40]],
    ['middleMax', 6, (x, y) => [x, y, 60, 40]],
    ['rowArgMax', 6, (x, y) => [x, y, 999]],
    ['softmaxRows', 6, (x, y) => [x, y, 999, 0]],
    ['softmaxMiddle', 6, (x, y) => [x, y, 60, 40, 1]],
    ['softmaxGradMiddle', 6, (x, y) => [x, x + 4, y, 60, 40, 0]],
  ]

  test.each(kernelsInRanges)('%s: ranges of blocks in any order make the whole', (kernel, blocks, args) => {
    const run = instantiate()[kernel]
    const x = randomView([20_000], random(1))
    const results = [[[0, blocks]], Array.from({ length: blocks }, (_, i) => [blocks - 1 - i, blocks - i])].map((ranges) => {
      const y = randomView([20_000], random(2))
      for (const [begin, end] of ranges) {
        const list = [...args(x.storage.ptr, y.storage.ptr), begin, end]
        expect(list.length).toBe(run.length)
        run(...list)
      }
      return Array.from(new Uint32Array(y.data.buffer, y.data.byteOffset, 20_000))
    })
    expect(results[1]).toEqual(results[0])
    expect(results[0]).not.toEqual(Array.from(new Uint32Array((randomView([20_000], random(2)).data as Float32Array).slice().buffer)))
  })
})
