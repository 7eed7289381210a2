import { allocator } from '../../../core/allocator.js'
import { RuntimeError } from '../../../core/errors.js'
import { type KernelExports, type KernelName, kernelModule } from '../loader.js'
import { startWorker, type WorkerThread } from '../loader-worker.js'
import { ARGUMENTS_AT, CONTROL_BYTES, firstOf, LEAST_LOOKS, LOOK_MS, lastOf, SPINS, STOP, word } from './control.js'
import { workOf } from './work.js'
import { program } from './worker.js'

/** More ranges balance better where threads are held up; fewer cost less, and some kernels share work between the blocks of a range. */
const RANGES_PER_THREAD = 4
/**
 * Nanoseconds of work from which a launch is worth sharing with workers that spin, and with workers that have to be woken up: by one launch, or by
 * many small ones in a row, such as those of a convolution's tiles.
 */
const ENOUGH = 10_000
const ENOUGH_TO_WAKE = 100_000
/** Whether a launch gains from another thread, if that one is awake. */
export const isWorthSharing = (work: number, blocks: number): boolean => blocks > 1 && work >= ENOUGH

/** Whether this thread may sleep: the main thread of a page may not. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, word.done, 1, 0)
    return true
  } catch {
    return false
  }
}

export class Pool {
  private readonly control = new SharedArrayBuffer(CONTROL_BYTES)
  private readonly words = new Int32Array(this.control)
  private readonly numbers = new Float64Array(this.control, ARGUMENTS_AT)
  private readonly maySleep = maySleep(this.words)
  private readonly numberOf: ReadonlyMap<string, number>
  private readonly workers: WorkerThread[] = []
  /** Why a worker has ended by itself. */
  death: string | undefined
  /** Nanoseconds of work since workers were last awake that they could have shared. */
  private missed = 0
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

  /** Whether its workers have been told to end. */
  get ended(): boolean {
    return Atomics.load(this.words, word.claim) === STOP
  }

  end(): void {
    Atomics.store(this.words, word.claim, STOP)
    Atomics.notify(this.words, word.claim)
    for (const worker of this.workers) worker.end()
  }

  /**
   * Runs all blocks, together with the workers that are ready, or does nothing where one thread is as good.
   * @returns whether the blocks have been run
   * @throws RuntimeError where a worker has died; the pool has ended then
   */
  run(kernels: KernelExports, kernel: KernelName, blocks: number, args: readonly (number | boolean)[]): boolean {
    const { words } = this
    if (this.death !== undefined || Atomics.load(words, word.failed)) {
      throw this.failure(`a worker thread has died${this.death === undefined ? '' : ` (${this.death})`}, so the kernel ${kernel} was not run`)
    }
    const ready = this.ready
    if (blocks < 2 || ready === 0) return false
    const work = workOf(kernel, blocks, args)
    if (!isWorthSharing(work, blocks)) return false
    if (Atomics.load(words, word.sleepers) === ready) {
      this.missed += work
      if (this.missed < ENOUGH_TO_WAKE) return false
    }
    this.missed = 0

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
      if (!this.waitFor(others, LEAST_LOOKS + (100 * work) / ranges / (LOOK_MS * 1e6))) this.death ??= 'it stopped in the middle of a kernel'
      this.ranges += others
    }
    if (this.death !== undefined) throw this.failure(`a worker thread has died (${this.death}), and the result of the kernel ${kernel} is incomplete`)
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

  /** @returns whether workers have done so many ranges; false after so many looks in a row that found nothing new */
  private waitFor(ranges: number, looks: number): boolean {
    const { words } = this
    let spins = 0
    let looked = 0
    let lastLook = 0
    let before = -1
    for (let done = Atomics.load(words, word.done); done < ranges; done = Atomics.load(words, word.done)) {
      if (spins++ < SPINS) continue
      if (this.maySleep) {
        Atomics.store(words, word.mainSleeps, 1)
        Atomics.wait(words, word.done, done, LOOK_MS)
        Atomics.store(words, word.mainSleeps, 0)
      } else {
        const now = performance.now()
        if (now - lastLook < LOOK_MS) continue
        lastLook = now
      }
      looked = done === before ? looked + 1 : 0
      before = done
      if (looked > looks) return false
    }
    return true
  }

  private failure(what: string): RuntimeError {
    this.end()
    return new RuntimeError(`${what}. Evenkeel goes on with one thread; setNumThreads(${this.threads}) starts new ones.`)
  }
}
