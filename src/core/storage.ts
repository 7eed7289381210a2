import { allocator, type Block, formatBytes, type MemoryUse } from './allocator.js'
import { type Dtype, dtypes, type TypedArray } from './dtype.js'
import { checkFunction, kindOf, RuntimeError } from './errors.js'
import { formatShape, type Shape } from './shape.js'

/**
 * Storage and its lifetime.
 *
 * A storage made while a scope is open belongs to that scope and is released with it, unless it is kept. Outside every scope, and once
 * kept, the garbage collector is the net: a FinalizationRegistry frees the block when no tensor reaches the storage any more. Registries
 * only run between tasks, which is why loops have scopes (`steps`, `DataLoader`, `scope`).
 */
export class Storage {
  /** Counts in-place changes; views share it. Autograd compares it with the value at the time of saving. */
  version = 0
  /** Counts in-place changes that a graph was recorded of: views made before them have a history that lacks the change. */
  histories = 0
  /** What released it, for the error text of a later use; null while it is alive. */
  releasedBy: string | null = null
  /** The scope that will release it, or null: kept and left to the garbage collector, or adopted. */
  scope: Scope | null = null
  /** The last turn that it was left from, until someone else decides about its end. */
  lastTurn: LastTurn | null = null
  /** Nodes of a graph whose backward reads it. */
  private readers = 0
  private onlyGraphReads = false
  private readonly block: Block
  /** What the garbage collector hands back. */
  private readonly holding: Holding
  /** The holding of the storage that it lives as long as, or null. */
  private owner: Holding | null = null

  constructor(
    readonly byteLength: number,
    dtype: Dtype,
    shape: Shape,
  ) {
    this.block = allocator().allocate(byteLength, () => `${dtype} ${formatShape(shape)}`)
    this.holding = { block: this.block, dependent: null, net: 'outside' }
    if (currentScope) currentScope.own(this)
    else leaveToGarbageCollector(this, this.holding)
  }

  /** Byte address in the memory, 0 to 2^32. @throws RuntimeError where the storage was released. */
  get ptr(): number {
    if (this.releasedBy !== null) this.refuse()
    return this.block.ptr
  }

  /** A typed array over the bytes as they are now. Don't hold it across an allocation: the memory may grow and detach it. */
  array(dtype: Dtype): TypedArray {
    const info = dtypes[dtype]
    return new info.array(allocator().memory.buffer, this.ptr, this.byteLength / info.bytes)
  }

  release(by: string): void {
    if (this.releasedBy !== null) return
    this.releasedBy = by
    this.withdraw()
    this.holding.dependent?.release(by)
    allocator().release(this.block)
  }

  /** A node of the graph saves it for its backward. */
  addReader(): void {
    this.readers++
  }

  /** That node has run, and will not again. */
  removeReader(): void {
    if (--this.readers === 0 && this.onlyGraphReads) this.release('after backward had used it')
  }

  /** Says that nobody but the graph will read it: it ends with the last node that does, now if there is none. */
  leaveToGraph(): void {
    this.onlyGraphReads = true
    if (this.readers === 0) this.release('when the next layer had used it')
  }

  /** Moves it to another owner; null keeps it until nothing refers to it. */
  moveTo(scope: Scope | null): void {
    if (this.releasedBy !== null || (scope === this.scope && this.owner === null && this.lastTurn === null)) return
    this.withdraw()
    if (scope) scope.own(this)
    else leaveToGarbageCollector(this, this.holding)
  }

  /**
   * Makes `other` live as long as this storage: a gradient as its leaf. Not through a registration of its own with the garbage collector:
   * that costs more than a small backward pass, and there is one for each gradient of each step.
   */
  adopt(other: Storage): void {
    if (other === this || other.owner === this.holding || this.releasedBy !== null || other.releasedBy !== null) return
    setDependentFree(this.holding)
    other.withdraw()
    other.owner = this.holding
    this.holding.dependent = other
  }

  /** Ends what `adopt` began: `other` now lives as long as the current scope, or until nothing refers to it. */
  disown(other: Storage): void {
    if (other.owner === this.holding) other.moveTo(currentScope)
  }

  /** Tells the garbage collector about it, once, where that decides about its end. */
  register(registry: FinalizationRegistry<Holding>): void {
    if (this.holding.net !== 'new') return
    this.holding.net = 'registered'
    registry.register(this, this.holding, this.holding.block)
  }

  /** Takes it from whoever decides about its end. */
  private withdraw(): void {
    if (this.owner) {
      this.owner.dependent = null
      this.owner = null
    } else if (this.scope === null) takeFromNet(this.holding)
    this.scope = null
    this.lastTurn = null
  }

  private refuse(): never {
    throw new RuntimeError(
      `this tensor (${this.block.describe()}) was released ${this.releasedBy}. ` +
        'Read numbers out of it before (`.item()`, `.toArray()`), or `keep(tensor)` it where it is made.',
    )
  }
}

/** A block, and what lives as long as it. It must not refer to the storage that it belongs to, which would then never be collected. */
interface Holding {
  readonly block: Block
  dependent: Storage | null
  /** Whether the garbage collector decides about its end, and has been told so. */
  net: 'outside' | 'new' | 'registered'
}

const registry = new FinalizationRegistry<Holding>((holding) => {
  takeFromNet(holding)
  setDependentFree(holding)
  allocator().release(holding.block)
})

/** Someone may hold the gradient of a leaf that has another or is gone: from now on the garbage collector decides about it. */
const setDependentFree = (holding: Holding): void => holding.dependent?.moveTo(null)

/** Tensors that the net holds now: neither in a scope nor released. */
const net = { tensors: 0, bytes: 0 }
let warned = false
const NET_TENSORS_BEFORE_WARNING = 200_000
const NET_BYTES_BEFORE_WARNING = 2 ** 31

/**
 * What came into the net since the last registration. A registration costs more than a small operation, and most tensors are released before the task
 * ends, until when the registry does nothing anyway: so they are registered at its end, those that are still there.
 */
let newcomers: Storage[] = []
const MOST_NEWCOMERS = 1024

function registerNewcomers(): void {
  for (const storage of newcomers) storage.register(registry)
  newcomers = []
}

function leaveToGarbageCollector(storage: Storage, holding: Holding): void {
  holding.net = 'new'
  net.tensors++
  net.bytes += holding.block.size
  if (newcomers.length === 0) queueMicrotask(registerNewcomers)
  else if (newcomers.length === MOST_NEWCOMERS) registerNewcomers()
  newcomers.push(storage)
  if (!warned && (net.tensors > NET_TENSORS_BEFORE_WARNING || net.bytes > NET_BYTES_BEFORE_WARNING)) {
    warned = true
    console.warn(
      `evenkeel: ${net.tensors} tensors (${formatBytes(net.bytes)}) are waiting for the garbage collector, which runs only between tasks. ` +
        'Iterate with `for (const step of steps(n))` or over a DataLoader, or wrap the body of your loop in scope(() => ...).',
    )
  }
}

function takeFromNet(holding: Holding): void {
  if (holding.net === 'outside') return
  net.tensors--
  net.bytes -= holding.block.size
  // A registration takes memory until a task ends, and a synchronous loop makes one for each gradient of each step.
  if (holding.net === 'registered') registry.unregister(holding.block)
  holding.net = 'outside'
}

/** A stretch of the program at whose end everything made in it and not kept is released. */
export class Scope {
  parent: Scope | null = null
  private owned: Storage[] = []
  private compactAt = 1024

  constructor(readonly label: string) {}

  own(storage: Storage): void {
    storage.scope = this
    this.owned.push(storage)
    // What was released or kept early must not pile up in a long scope.
    if (this.owned.length >= this.compactAt) {
      this.owned = this.owned.filter((s) => s.scope === this && s.releasedBy === null)
      this.compactAt = Math.max(1024, this.owned.length * 2)
    }
  }

  enter(): this {
    this.parent = currentScope
    currentScope = this
    return this
  }

  /** Takes the scope off the stack. False where scopes opened after it are still open: loops that interleave across an `await`. */
  leave(): boolean {
    if (currentScope === this) {
      currentScope = this.parent
      return true
    }
    for (let s = currentScope; s; s = s.parent) if (s.parent === this) s.parent = this.parent
    return false
  }

  /** Releases what it still owns. */
  release(): void {
    for (const storage of this.owned) if (storage.scope === this) storage.release(this.label)
    this.owned = []
  }

  /** Hands what it still owns to `scope`, or, with null, to the garbage collector. @returns what that was */
  handOver(scope: Scope | null): Storage[] {
    const handed = this.owned.filter((s) => s.scope === this && s.releasedBy === null)
    for (const storage of handed) storage.moveTo(scope)
    this.owned = []
    return handed
  }
}

/**
 * What a loop's last turn left behind. It stays until the next loop over the same thing has begun its first turn: a pass over a
 * DataLoader for each epoch holds no more than one endless pass.
 */
export class LastTurn {
  private left: Storage[] = []

  leave(storages: Storage[]): void {
    for (const s of storages) s.lastTurn = this
    this.left = storages
  }

  release(by: string): void {
    for (const s of this.left) if (s.lastTurn === this) s.release(by)
    this.left = []
  }
}

let currentScope: Scope | null = null
export const getCurrentScope = (): Scope | null => currentScope

/** What has a storage: a tensor. */
export interface HasStorage {
  readonly storage: Storage
}

/**
 * Keeps tensors beyond the scope or loop turn they were made in, until nothing refers to them.
 * @returns its first argument
 */
export function keep<T extends HasStorage>(tensor: T, ...more: HasStorage[]): T {
  for (const t of [tensor, ...more]) {
    if (!(t?.storage instanceof Storage)) throw new TypeError(`keep: expected tensors, got ${kindOf(t)}`)
    if (t.storage.releasedBy !== null) void t.storage.ptr
    t.storage.moveTo(null)
  }
  return tensor
}

function storagesIn(value: unknown, found: Set<Storage>, depth = 0): void {
  if (value === null || typeof value !== 'object' || depth > 4) return
  if ('storage' in value && value.storage instanceof Storage) found.add(value.storage)
  else if (Array.isArray(value)) for (const v of value) storagesIn(v, found, depth + 1)
  else if (value instanceof Map) for (const v of value.values()) storagesIn(v, found, depth + 1)
  else if (Object.getPrototypeOf(value) === Object.prototype) for (const v of Object.values(value)) storagesIn(v, found, depth + 1)
}

/**
 * Runs `fn` and releases every tensor made in it, except those in its result (also within arrays, maps and plain objects),
 * parameters, buffers, gradients of what outlives it, optimizer state, and what was `keep`-ed.
 * `fn` must be synchronous: other code would run inside the scope at each `await`.
 */
export function scope<T>(fn: () => T): T {
  checkFunction('scope', fn)
  const s = new Scope('when the scope() it was made in ended').enter()
  let done = false
  try {
    const result = fn()
    if (result instanceof Promise) {
      throw new TypeError('scope: the function must be synchronous, got one that returns a Promise; use `for (const step of steps(n))` around awaits')
    }
    const found = new Set<Storage>()
    storagesIn(result, found)
    for (const storage of found) if (storage.scope === s) storage.moveTo(s.parent)
    done = true
    return result
  } finally {
    s.leave()
    // After an error the caller may hold what the closure captured: leave it to the garbage collector.
    if (done) s.release()
    else s.handOver(null)
  }
}

let warnedInterleaved = false

/**
 * Makes each turn of a loop a scope: what was made in a turn is released when the next one starts. The last turn's tensors stay, so that
 * a result can be read after the loop.
 * @param lastTurn of the loops before over the same thing: released when this one has made its first value
 */
export function* turns<T>(values: Iterable<T>, loop: string, lastTurn: LastTurn = new LastTurn()): Generator<T, void, undefined> {
  const label = `when the next turn of ${loop} started`
  let turn: Scope | null = null
  const leave = (scope: Scope | null) => {
    const nested = !scope || scope.leave()
    if (!nested && !warnedInterleaved) {
      warnedInterleaved = true
      console.warn(
        'evenkeel: two training loops take turns in one thread, so their tensors are left to the garbage collector. Run each loop in a worker of its own.',
      )
    }
    return nested
  }
  const end = (scope: Scope, nested: boolean) => {
    const left = scope.handOver(nested ? scope.parent : null)
    if (nested) lastTurn.leave(left)
  }
  const iterator = values[Symbol.iterator]()
  try {
    for (;;) {
      const previous: Scope | null = turn
      const nested = leave(previous)
      // The next value is made inside the turn that it is for, and before the previous turn is released: only now is it known to be not the last.
      turn = new Scope(label).enter()
      const step = iterator.next()
      if (step.done) {
        leave(turn)
        turn.release()
        turn = null
        if (previous) end(previous, nested)
        return
      }
      if (!previous) lastTurn.release(label)
      else if (nested) previous.release()
      else previous.handOver(null)
      yield step.value
    }
  } finally {
    if (turn) end(turn, leave(turn))
    iterator.return?.()
  }
}

/**
 * Counts from 0 to n - 1; each turn of the loop is a scope. Without `n` it counts on until the loop breaks.
 * @example for (const step of steps(10_000)) { loss(model.forward(x), y).backward(); optimizer.step() }
 */
export function steps(n: number = Number.POSITIVE_INFINITY): Generator<number, void, undefined> {
  if (!(n === Number.POSITIVE_INFINITY || (Number.isInteger(n) && n >= 0))) throw new TypeError(`steps: expected a whole number of turns, got ${n}`)
  return turns(count(n), 'steps()')
}

function* count(n: number): Generator<number, void, undefined> {
  for (let i = 0; i < n; i++) yield i
}

/** Live tensors and bytes, the peak, and what the memory holds in all. */
export const memory = (): MemoryUse => allocator().use()

/** Starts a new measurement of `memory().peakBytes`. */
export const resetPeakMemory = (): void => allocator().resetPeak()

/** Bounds the memory that tensors may take together, in bytes; at the limit an error names the largest. */
export const setMemoryLimit = (bytes: number): void => allocator().setLimit(bytes)
