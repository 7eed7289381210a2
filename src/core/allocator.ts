import { RuntimeError } from './errors.js'

/**
 * One WebAssembly memory for every tensor, cut into blocks that are pooled by size class.
 *
 * Why pooled: the first touch of a 4 KiB page costs 15 to 22 us on a virtual machine, more than most kernels take to fill it. A freed
 * block therefore goes to the front of its class and is the next to be handed out, still warm in the cache.
 * Why one memory: kernels read tensors where they lie, whatever their dtype, and threads can later share them.
 */

const PAGE = 65536
/** Everything below belongs to the kernels' own static data. */
const FIRST_FREE_BYTE = 1 << 20
const MAXIMUM_PAGES = 65536
/** Kernels read whole vectors, so up to this many bytes behind the last block stay readable. */
const READABLE_BEHIND = 64

/** A live piece of the memory. `describe` names its tensor in the out-of-memory error. */
export interface Block {
  readonly ptr: number
  /** Bytes taken from the memory, the size class; at least what was asked for. */
  readonly size: number
  /** Its place among the live ones; -1 when it is free. */
  place: number
  describe: () => string
}

/** What `memory()` reports. */
export interface MemoryUse {
  /** Storages alive; views share one. */
  tensors: number
  /** Bytes that live tensors hold, rounded up to their size classes. */
  bytes: number
  /** Highest value that `bytes` has had since the start or the last `resetPeak()`. */
  peakBytes: number
  /** Bytes of the WebAssembly memory: live, pooled for reuse, and the kernels' own. */
  reservedBytes: number
}

/** The block size that serves a request: steps of 64 bytes up to 1 KiB, then eight steps per power of two (at most 12.5% over). */
export function sizeClass(bytes: number): number {
  if (bytes <= 1024) return Math.max(64, Math.ceil(bytes / 64) * 64)
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3)
  return Math.ceil(bytes / step) * step
}

export class Allocator {
  readonly memory: WebAssembly.Memory
  /** Since the start: blocks handed out, the bytes asked for, and bytes of memory that no block had held before. */
  readonly counts = { allocations: 0, bytes: 0, freshBytes: 0 }
  private readonly free = new Map<number, number[]>()
  private readonly live: Block[] = []
  private top = FIRST_FREE_BYTE
  private liveBytes = 0
  private peak = 0
  private limit = MAXIMUM_PAGES * PAGE

  constructor() {
    this.memory = createMemory()
  }

  allocate(bytes: number, describe: () => string): Block {
    const size = sizeClass(bytes)
    const ptr = this.free.get(size)?.pop() ?? this.extend(size) ?? this.reuseLarger(size)
    if (ptr === undefined) throw this.outOfMemory(bytes, describe())
    const block: Block = { ptr, size, place: this.live.length, describe }
    this.live.push(block)
    this.counts.allocations++
    this.counts.bytes += bytes
    this.liveBytes += size
    if (this.liveBytes > this.peak) this.peak = this.liveBytes
    return block
  }

  /** Gives a block back to its class. Freeing twice is a no-op, as the scope that owned it and the garbage collector may both do so. */
  release(block: Block): void {
    if (block.place < 0) return
    const last = this.live.pop()
    if (last !== undefined && last !== block) {
      this.live[block.place] = last
      last.place = block.place
    }
    block.place = -1
    this.liveBytes -= block.size
    const list = this.free.get(block.size)
    if (list) list.push(block.ptr)
    else this.free.set(block.size, [block.ptr])
  }

  use(): MemoryUse {
    return { tensors: this.live.length, bytes: this.liveBytes, peakBytes: this.peak, reservedBytes: this.memory.buffer.byteLength }
  }

  resetPeak(): void {
    this.peak = this.liveBytes
  }

  /** Bounds the memory below WebAssembly's 4 GiB. @throws RuntimeError where more is in use already. */
  setLimit(bytes: number): void {
    if (!(bytes > 0)) throw new RuntimeError(`setMemoryLimit: expected a positive number of bytes, got ${bytes}`)
    if (bytes < this.top) throw new RuntimeError(`setMemoryLimit: ${formatBytes(this.top)} are reserved already, more than the limit of ${formatBytes(bytes)}`)
    this.limit = Math.min(bytes, MAXIMUM_PAGES * PAGE)
  }

  private extend(size: number): number | undefined {
    const end = this.top + size + READABLE_BEHIND
    if (end > this.limit) return undefined
    const reserved = this.memory.buffer.byteLength
    if (end > reserved) {
      // A growth of an eighth keeps the number of growths logarithmic; pages cost nothing until they are touched.
      const wanted = Math.min(Math.max(end, reserved + reserved / 8), this.limit)
      try {
        this.memory.grow(Math.ceil((wanted - reserved) / PAGE))
      } catch {
        try {
          this.memory.grow(Math.ceil((end - reserved) / PAGE))
        } catch {
          return undefined
        }
      }
    }
    const ptr = this.top
    this.top = ptr + size
    this.counts.freshBytes += size
    return ptr
  }

  /** At the limit: splits the smallest pooled block that is large enough. The rest goes back to the pool under its own size. */
  private reuseLarger(size: number): number | undefined {
    let best = Number.POSITIVE_INFINITY
    for (const [candidate, list] of this.free) if (candidate >= size && candidate < best && list.length > 0) best = candidate
    const ptr = this.free.get(best)?.pop()
    if (ptr === undefined) return undefined
    let rest = best - size
    let at = ptr + size
    while (rest >= 64) {
      const piece = largestClassWithin(rest)
      const list = this.free.get(piece)
      if (list) list.push(at)
      else this.free.set(piece, [at])
      at += piece
      rest -= piece
    }
    return ptr
  }

  private outOfMemory(bytes: number, what: string): RuntimeError {
    const largest = [...this.live].sort((a, b) => b.size - a.size).slice(0, 5)
    const list = largest.map((b) => `  ${formatBytes(b.size)}  ${b.describe()}`).join('\n')
    return new RuntimeError(
      `out of memory: ${formatBytes(bytes)} for ${what} don't fit: ${formatBytes(this.liveBytes)} are held by ${this.live.length} live tensors, the limit is ${formatBytes(this.limit)}.\n` +
        `Largest live tensors:\n${list}\n` +
        'Iterate with `for (const step of steps(n))` or over a DataLoader, or wrap the body of your loop in scope(() => ...), so that what a turn made is released when it ends.',
    )
  }
}

function largestClassWithin(bytes: number): number {
  if (bytes <= 1024) return Math.floor(bytes / 64) * 64
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3)
  return Math.floor(bytes / step) * step
}

/** Shared where the host allows, so that threads can work on it; a host that refuses the full address space gets a smaller maximum. */
function createMemory(): WebAssembly.Memory {
  const initial = FIRST_FREE_BYTE / PAGE
  const shared = typeof SharedArrayBuffer !== 'undefined'
  for (let maximum = MAXIMUM_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared })
    } catch (error) {
      if (maximum <= 4096) throw error
    }
  }
}

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < 3) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`
}

/** The allocator of this thread, made at the first tensor: importing the package reserves nothing. */
let instance: Allocator | undefined
export const allocator = (): Allocator => {
  instance ??= new Allocator()
  return instance
}
