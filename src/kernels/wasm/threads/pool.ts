import { allocator } from '../../../core/allocator.js'
import { RuntimeError } from '../../../core/errors.js'
import { isShared, type KernelExports, type KernelName, kernelModule } from '../loader.js'
import { startWorker, type WorkerThread } from '../loader-worker.js'
import { ARGUMENTS_AT, CONTROL_BYTES, firstOf, lastOf, SPINS, STOP, word } from './control.js'
import { workOf } from './work.js'
import { program } from './worker.js'

const MOST_THREADS = 256
/** More ranges balance better where threads are held up; fewer cost less, and some kernels share work between the blocks of a range. */
const RANGES_PER_THREAD = 4
/** Nanoseconds of work from which a launch is worth sharing with workers that spin, and with workers that have to be woken up. */
const ENOUGH = 10_000
const ENOUGH_TO_WAKE = 100_000

/** Whether this thread may sleep: the main thread of a page may not. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, word.done, 1, 0)
    return true
  } catch {
    return false
  }
}

class Pool {
  private readonly control = new SharedArrayBuffer(CONTROL_BYTES)
  private readonly words = new Int32Array(this.control)
  private readonly numbers = new Float64Array(this.control, ARGUMENTS_AT)
  private readonly maySleep = maySleep(this.words)
  private readonly numberOf: ReadonlyMap<string, number>
  private readonly workers: WorkerThread[] = []
  private death: string | undefined
  /** Ranges that workers have run. */
  ranges = 0

  constructor(readonly threads: number) {
    const module = kernelModule()
    const names = WebAssembly.Module.exports(module)
      .filter(({ kind }) => kind === 'function')
      .map(({ name }) => name)
    this.numberOf = new Map(names.map((name, i) => [name, i]))
    const setup = { module, memory: allocator().memory, control: this.control, names }
    try {
      for (let i = 1; i < threads; i++) {
        const died = (reason: string) => {
          this.death ??= reason
        }
        this.workers.push(startWorker(program, setup, died))
      }
    } catch (error) {
      this.end()
      throw error
    }
  }

  get ready(): number {
    return Atomics.load(this.words, word.ready)
  }

  end(): void {
    Atomics.store(this.words, word.claim, STOP)
    Atomics.notify(this.words, word.claim)
    for (const worker of this.workers) worker.end()
  }

  /**
   * Runs all blocks, together with the workers that are ready, or does nothing where one thread is as good.
   * @returns whether the blocks have been run
   * @throws RuntimeError where a worker has died
   */
  run(kernels: KernelExports, kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): boolean {
    const { words } = this
    if (this.death !== undefined || Atomics.load(words, word.failed)) {
      throw this.failure(`a worker thread has died${this.death === undefined ? '' : ` (${this.death})`}, so the kernel ${kernel} was not run`)
    }
    const ready = this.ready
    if (blocks < 2 || ready === 0) return false
    const work = workOf(kernel, blocks, args)
    if (work < ENOUGH || (work < ENOUGH_TO_WAKE && Atomics.load(words, word.sleepers) === ready)) return false

    const ranges = Math.min(blocks, RANGES_PER_THREAD * (1 + ready))
    words[word.kernel] = this.numberOf.get(kernel) ?? 0
    words[word.blocks] = blocks
    words[word.ranges] = ranges
    words[word.argumentCount] = args.length
    for (let i = 0; i < args.length; i++) this.numbers[i] = Number(args[i])
    Atomics.store(words, word.done, 0)
    Atomics.store(words, word.claim, ranges << 16)
    if (Atomics.load(words, word.sleepers) > 0) Atomics.notify(words, word.claim)

    let own = 0
    try {
      for (let range = this.claimFirst(); range >= 0; range = this.claimFirst()) {
        own++
        kernels[kernel](...args, Math.floor((blocks * range) / ranges), Math.floor((blocks * (range + 1)) / ranges))
      }
    } finally {
      // Ranges are left where a kernel failed in this thread.
      const left = Atomics.exchange(words, word.claim, 0)
      const others = ranges - own - (lastOf(left) - firstOf(left))
      this.waitFor(others)
      this.ranges += others
    }
    if (Atomics.load(words, word.failed)) throw this.failure(`the kernel ${kernel} has failed in a worker thread, and its result is incomplete`)
    return true
  }

  /** Claims the first range that is left. @returns -1 where none is */
  private claimFirst(): number {
    for (;;) {
      const claim = Atomics.load(this.words, word.claim)
      const first = firstOf(claim)
      if (first >= lastOf(claim)) return -1
      if (Atomics.compareExchange(this.words, word.claim, claim, claim + 1) === claim) return first
    }
  }

  private waitFor(ranges: number): void {
    const { words } = this
    let spins = 0
    for (let done = Atomics.load(words, word.done); done < ranges; done = Atomics.load(words, word.done)) {
      if (spins++ < SPINS || !this.maySleep) continue
      Atomics.store(words, word.mainSleeps, 1)
      Atomics.wait(words, word.done, done)
      Atomics.store(words, word.mainSleeps, 0)
    }
  }

  private failure(what: string): RuntimeError {
    setNumThreads(1)
    return new RuntimeError(`${what}. Evenkeel goes on with one thread; setNumThreads(${this.threads}) starts new ones.`)
  }
}

let pool: Pool | undefined

/** Runs a kernel over its blocks with all threads. @returns false, having done nothing, where one thread shall run it. */
export function runShared(kernels: KernelExports, kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): boolean {
  return pool ? pool.run(kernels, kernel, blocks, args) : false
}

/** Workers that can take part, and the ranges that workers have run since `setNumThreads`; for benchmarks. */
export const threadUse = (): { ready: number; ranges: number } => ({ ready: pool?.ready ?? 0, ranges: pool?.ranges ?? 0 })

/** Threads that run kernels, this one included; 1 unless `setNumThreads` said otherwise. `torch.get_num_threads`. */
export const getNumThreads = (): number => pool?.threads ?? 1

/**
 * Runs large kernels on `n` threads, this one included: `torch.set_num_threads`. The default is 1. Results are the same bits for any number.
 *
 * Threads are worker threads in Node, Workers in browsers. They take part as soon as they are ready, in about 0.1 s; until then, and where a
 * kernel is too small to gain, this thread does all. `setNumThreads(1)` ends them; a process doesn't wait for them to end. More threads than
 * the machine has cores make everything slower.
 * @throws RuntimeError "set_num_threads expects a positive integer"; and where memory can't be shared: a browser allows that only to
 *   cross-origin-isolated pages. A worker that dies is a RuntimeError at the next operation, after which one thread goes on.
 */
export function setNumThreads(n: number): void {
  if (!Number.isInteger(n)) throw new RuntimeError(`set_num_threads expects an int, but got ${typeof n === 'number' ? n : typeof n}`)
  if (n < 1) throw new RuntimeError('set_num_threads expects a positive integer')
  if (n > MOST_THREADS) throw new RuntimeError(`setNumThreads: at most ${MOST_THREADS} threads, got ${n}`)
  if (n === getNumThreads()) return
  pool?.end()
  pool = undefined
  if (n === 1) return
  if (!isShared(allocator().memory)) {
    throw new RuntimeError(
      `setNumThreads(${n}): threads need shared memory (SharedArrayBuffer), which browsers allow to cross-origin-isolated pages only. ` +
        'Serve the page with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".',
    )
  }
  try {
    pool = new Pool(n)
  } catch (error) {
    throw new RuntimeError(`setNumThreads(${n}): can't start threads here: ${error instanceof Error ? error.message : String(error)}`)
  }
}
