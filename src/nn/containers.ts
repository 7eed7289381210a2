import { IndexError, KeyError, kindOf } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { canFuse, forwardFused, keepsNoTensor } from './fusion.js'
import { type Member, Module } from './module.js'

/** A module that maps one tensor to one tensor: what `Sequential` chains. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor
}

function checkModule(owner: string, value: unknown): void {
  if (!(value instanceof Module)) throw new TypeError(`${owner}: ${kindOf(value)} is not a Module subclass`)
}

/** Holds modules under names that are data, not attributes: they are saved as they are. */
abstract class Container<M extends Module> extends Module {
  protected readonly items = new Map<string, M>()

  protected override *members(): Generator<[string, Member]> {
    yield* this.items
  }

  protected override replaceMember(key: string, value: Member): void {
    this.items.set(key, value as M)
  }

  protected put(name: string, module: M): void {
    checkModule(this.constructor.name, module)
    if (name === '') throw new KeyError('module name can\'t be empty string ""')
    if (name.includes('.')) throw new KeyError(`module name can't contain ".", got: ${name}`)
    this.items.set(name, module)
  }

  get length(): number {
    return this.items.size
  }

  /** The i-th module, from the end where negative. @throws IndexError beyond the ends */
  at(index: number): M {
    const module = [...this.items.values()].at(index)
    if (!module || !Number.isInteger(index)) throw new IndexError(`index ${index} is out of range`)
    return module
  }

  [Symbol.iterator](): IterableIterator<M> {
    return this.items.values()
  }
}

/**
 * Calls modules one after the other. As `torch.nn.Sequential`: `new Sequential(a, b)` names them 0, 1, ...;
 * `new Sequential({ conv: a, norm: b })` names them itself. A norm, Linear or convolution and the activation behind it are computed in one pass, unless a
 * hook or a probe is on one of them: the same bits, with less memory. What lies between two layers of the library is released when
 * backward has used it, or at once where it doesn't need it.
 */
export class Sequential extends Container<Layer> {
  constructor(...layers: Layer[] | [Readonly<Record<string, Layer>>]) {
    super()
    const [first] = layers
    if (layers.length === 1 && (first === null || typeof first !== 'object')) checkModule('Sequential', first)
    if (layers.length === 1 && !(first instanceof Module)) for (const [name, layer] of Object.entries(first)) this.put(name, layer as Layer)
    else for (const layer of layers as Layer[]) this.append(layer)
  }

  append(layer: Layer): this {
    this.put(String(this.length), layer)
    return this
  }

  override forward(x: Tensor): Tensor {
    let y = x
    /** Whether y was made here, and nobody else can hold it. */
    let between = false
    const layers = [...this.items.values()]
    for (let i = 0; i < layers.length; i++) {
      const [layer, next] = [layers[i], layers.at(i + 1)]
      const keepsNone = keepsNoTensor(layer)
      const fused = next && canFuse(layer, next)
      const z = fused ? forwardFused(layer, next, y) : layer.forward(y)
      if (fused) i++
      const sameStorage = z.storage === y.storage
      if (between && keepsNone && !sameStorage) y.storage.leaveToGraph()
      between = keepsNone && (between || !sameStorage)
      y = z
    }
    return y
  }
}

/** A list of modules that are found by their parent; it has no forward of its own. As `torch.nn.ModuleList`. */
export class ModuleList<M extends Module = Module> extends Container<M> {
  constructor(modules: Iterable<M> = []) {
    super()
    if (typeof modules?.[Symbol.iterator] !== 'function') throw new TypeError(`ModuleList: expected modules, got ${kindOf(modules)}`)
    for (const module of modules) this.append(module)
  }

  append(module: M): this {
    this.put(String(this.length), module)
    return this
  }

  /** Neighbours that print alike share a line, as in PyTorch: `(0-1): 2 x Linear(...)`. */
  protected override childLines(): [string, string][] {
    const runs: { first: number; count: number; text: string }[] = []
    super.childLines().forEach(([, text], i) => {
      const last = runs.at(-1)
      if (last?.text === text) last.count++
      else runs.push({ first: i, count: 1, text })
    })
    return runs.map(({ first, count, text }) => (count === 1 ? [`${first}`, text] : [`${first}-${first + count - 1}`, `${count} x ${text}`]))
  }
}

/** Modules by name, found by their parent. As `torch.nn.ModuleDict`. */
export class ModuleDict<M extends Module = Module> extends Container<M> {
  constructor(modules: Readonly<Record<string, M>> = {}) {
    super()
    if (modules === null || typeof modules !== 'object') throw new TypeError(`ModuleDict: expected modules by name, got ${kindOf(modules)}`)
    for (const [name, module] of Object.entries(modules)) this.put(name, module)
  }

  /** The module of that name. @throws KeyError where there is none */
  get(name: string): M {
    const module = this.items.get(name)
    if (!module) throw new KeyError(`'${name}'`)
    return module
  }

  /** Puts a module under a name, in the place of an older one. @returns this */
  set(name: string, module: M): this {
    this.put(name, module)
    return this
  }

  /** Whether there is a module of that name. */
  has(name: string): boolean {
    return this.items.has(name)
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.items.delete(name)
  }

  /** The names, in the order in which they were put. */
  keys(): IterableIterator<string> {
    return this.items.keys()
  }
}
