import { noGrad } from '../autograd/index.js'
import { type Arguments, readOptions } from '../core/arguments.js'
import { checkDtype, type Dtype, isFloatingPoint } from '../core/dtype.js'
import { AttributeError, checkOptions, KeyError, kindOf, NotImplementedError, ValueError } from '../core/errors.js'
import type { HookHandle } from '../core/graph.js'
import { keep } from '../core/storage.js'
import { Tensor } from '../core/tensor.js'
import { clone, copy_, to, zero_ } from '../ops/copy.js'
import '../ops/methods.js'
import { detach } from '../ops/views.js'
import { type AnyForwardHook, type AnyForwardPreHook, type BackwardHook, type ForwardHook, type ForwardPreHook, ModuleHooks } from './hooks.js'
import { stateKey } from './names.js'
import { Parameter } from './parameter.js'
import { type LoadOptions, type LoadProblem, type LoadResult, loadStateDict, type StateDict, stateDictVersions } from './state-dict.js'

/** What a module owns under one name. */
export type Member = Parameter | Tensor | Module

/**
 * A layer, or a network of layers. As `torch.nn.Module`.
 *
 * Subclasses assign parameters, buffers (`registerBuffer`) and sub-modules to attributes and override `forward`, which is also what users
 * call: `model.forward(x)`. State-dict keys are the attributes' names in snake_case.
 *
 * @example
 * class Net extends nn.Module {
 *   conv = new nn.Conv2d(1, 8, 3)
 *   norm = new nn.BatchNorm2d(8)
 *   override forward(x: Tensor) {
 *     return this.norm.forward(this.conv.forward(x)).relu()
 *   }
 * }
 */
export class Module {
  /** Whether BatchNorm uses the batch's own statistics and Dropout drops: set by `train()` and `eval()`. */
  training = true
  /** Names of buffers, and whether they are saved. */
  readonly #buffers = new Map<string, boolean>()
  #hooks: ModuleHooks | null = null

  /** What subclasses override and users call. @throws NotImplementedError where a subclass has none */
  forward(..._inputs: never[]): unknown {
    throw new NotImplementedError(`Module [${this.constructor.name}] is missing the required "forward" function`)
  }

  /**
   * A tensor that is part of the state but not learned, such as running statistics. Kept beyond every scope.
   * @param args `persistent`, as a value or in an object: whether it is saved in the state dict. Default true.
   */
  registerBuffer(name: string, tensor: Tensor | null, ...args: Arguments<[persistent: boolean], { persistent?: boolean }>): void {
    const { persistent = true } = readOptions<{ persistent?: boolean }>('registerBuffer', ['persistent'], 1, args)
    if (name === '') throw new KeyError('buffer name can\'t be empty string ""')
    if (name.includes('.')) throw new KeyError('buffer name can\'t contain "."')
    if (tensor !== null && !(tensor instanceof Tensor)) {
      throw new TypeError(`cannot assign '${typeof tensor}' object to buffer '${name}' (torch Tensor or None required)`)
    }
    this.#buffers.set(name, persistent)
    if (tensor) keep(tensor)
    Reflect.set(this, name, tensor)
  }

  /** Own parameters, buffers and sub-modules under their saved names, in the order of assignment; containers list their items. */
  protected *members(): Generator<[string, Member]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module || value instanceof Parameter || (value instanceof Tensor && this.#buffers.has(name))) yield [stateKey(name), value]
    }
  }

  /** Puts another member under a name that `members` gave. */
  protected replaceMember(key: string, value: Member): void {
    for (const name of Object.keys(this)) {
      if (stateKey(name) !== key) continue
      if (!(value instanceof Module) && !(value instanceof Parameter)) keep(value)
      Reflect.set(this, name, value)
      return
    }
  }

  #isPersistent(key: string): boolean {
    for (const [name, persistent] of this.#buffers) if (stateKey(name) === key) return persistent
    return true
  }

  /** Direct sub-modules with their names. */
  namedChildren(): [string, Module][] {
    return [...this.members()].filter((m): m is [string, Module] => m[1] instanceof Module)
  }

  /** Direct sub-modules. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child)
  }

  /** This module (named '') and all below it, each once, depth first. */
  namedModules(prefix = '', seen: Set<Module> = new Set()): [string, Module][] {
    if (seen.has(this)) return []
    seen.add(this)
    return [[prefix, this], ...this.namedChildren().flatMap(([name, child]) => child.namedModules(prefix ? `${prefix}.${name}` : name, seen))]
  }

  /** This module and all below it, each once, depth first. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module)
  }

  #namedTensors(select: (value: Member) => value is Tensor): [string, Tensor][] {
    const seen = new Set<Tensor>()
    const found: [string, Tensor][] = []
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of module.members()) {
        if (!select(value) || seen.has(value)) continue
        seen.add(value)
        found.push([prefix ? `${prefix}.${name}` : name, value])
      }
    }
    return found
  }

  /** All parameters with their state-dict names, each once. */
  namedParameters(): [string, Parameter][] {
    return this.#namedTensors((value): value is Tensor => value instanceof Parameter) as [string, Parameter][]
  }

  /** All parameters, here and below, each once: what an optimizer takes. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, p]) => p)
  }

  /** All buffers with their state-dict names, each once. */
  namedBuffers(): [string, Tensor][] {
    return this.#namedTensors((value): value is Tensor => value instanceof Tensor && !(value instanceof Parameter))
  }

  /** All buffers, here and below, each once. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, b]) => b)
  }

  /** Training mode here and below. @returns this */
  train(mode = true): this {
    if (typeof mode !== 'boolean') throw new TypeError('training mode is expected to be boolean')
    this.training = mode
    for (const child of this.children()) child.train(mode)
    return this
  }

  /** Evaluation mode here and below. @returns this */
  eval(): this {
    return this.train(false)
  }

  /**
   * The module that a path names: `model.getSubmodule('layer1.0.conv')`, with names as in the state dict; '' is this module.
   * @throws AttributeError with PyTorch's text where there is none
   */
  getSubmodule(target: string): Module {
    let module: Module = this
    for (const name of target === '' ? [] : target.split('.')) {
      const child = module.namedChildren().find(([key]) => key === name)?.[1]
      if (!child) throw new AttributeError(`${module.constructor.name} has no attribute \`${name}\``)
      module = child
    }
    return module
  }

  /**
   * Puts a module in the place of the one that a path names.
   * @throws ValueError for the empty path, AttributeError where nothing is at that place
   */
  setSubmodule(target: string, module: Module): void {
    if (target === '') throw new ValueError('Cannot set the submodule without a target name!')
    if (!(module instanceof Module)) throw new TypeError(`${kindOf(module)} is not a Module subclass`)
    this.getSubmodule(target)
    const names = target.split('.')
    const name = names.pop() as string
    this.getSubmodule(names.join('.')).replaceMember(name, module)
  }

  /**
   * A copy with parameters and buffers of its own, as `copy.deepcopy` makes it: what occurs twice in the original is one thing twice in the copy.
   * Hooks and gradients stay with the original. No constructor runs, so a subclass must not keep state in `#private` fields (TypeScript's
   * `private` is fine).
   * @throws TypeError where `forward` is a function kept in an attribute, as it may belong to the original
   */
  clone(copies: Map<object, object> = new Map()): this {
    const known = copies.get(this)
    if (known) return known as this
    const copy: this = Object.setPrototypeOf(new Module(), Object.getPrototypeOf(this))
    copies.set(this, copy)
    for (const [name, persistent] of this.#buffers) copy.#buffers.set(name, persistent)
    for (const key of Reflect.ownKeys(this)) {
      const property = Object.getOwnPropertyDescriptor(this, key) as PropertyDescriptor
      if (key === 'forward') {
        if (this.#hooks?.wrapping) continue
        throw new TypeError(`${this.constructor.name} can't be copied: its forward is an attribute that may refer to the original; make it a method`)
      }
      if ('value' in property) property.value = copyValue(property.value, copies)
      Object.defineProperty(copy, key, property)
    }
    return copy
  }

  /** Calls `fn` with every module, those inside first. @returns this */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn)
    fn(this)
    return this
  }

  /** Whether the parameters are learned: `requiresGrad_(false)` freezes them. @returns this */
  requiresGrad_(requiresGrad = true): this {
    for (const p of this.parameters()) p.requiresGrad_(requiresGrad)
    return this
  }

  /** Forgets the gradients, or with `setToNone: false` makes them zero. */
  zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): void {
    for (const p of this.parameters()) {
      if (setToNone || p.grad === null) p.grad = null
      else noGrad(() => p.grad && zero_(p.grad))
    }
  }

  /**
   * Converts floating point parameters and buffers. Parameters become new objects: make optimizers afterwards. @returns this
   */
  to(dtype: Dtype): this {
    checkDtype('nn.Module.to', dtype)
    if (!isFloatingPoint(dtype)) throw new TypeError(`nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.${dtype}`)
    const converted = new Map<Tensor, Tensor>()
    for (const module of this.modules()) {
      for (const [name, value] of [...module.members()]) {
        if (!(value instanceof Tensor) || !isFloatingPoint(value.dtype) || value.dtype === dtype) continue
        let next = converted.get(value)
        if (!next) {
          const data = noGrad(() => to(detach(value), dtype))
          next = value instanceof Parameter ? new Parameter(data, value.requiresGrad) : keep(data)
          if (value.grad) {
            const { grad } = value
            next.grad = noGrad(() => to(grad, dtype))
          }
          converted.set(value, next)
        }
        module.replaceMember(name, next)
      }
    }
    return this
  }

  /** `to` float64. */
  double(): this {
    return this.to('float64')
  }

  /** `to` float32. */
  float(): this {
    return this.to('float32')
  }

  /** Version of the format of this module's own entries, for `loadStateDict` of older files. */
  protected get stateVersion(): number {
    return 1
  }

  /**
   * Parameters and persistent buffers under PyTorch's keys, in PyTorch's order, as they are (not copied): `clone` what shall not change.
   */
  stateDict(): StateDict {
    const state: StateDict = {}
    const versions: Record<string, number> = {}
    this.#collectState('', state, versions)
    Object.defineProperty(state, stateDictVersions, { value: versions, enumerable: false })
    return state
  }

  #collectState(prefix: string, state: StateDict, versions: Record<string, number>): void {
    versions[prefix.slice(0, -1)] = this.stateVersion
    for (const [name, value] of this.ownState()) state[prefix + name] = detach(value)
    for (const [name, child] of this.namedChildren()) child.#collectState(`${prefix}${name}.`, state, versions)
  }

  /** Own parameters, then own persistent buffers. */
  ownState(): [string, Tensor][] {
    const own = [...this.members()].filter((m): m is [string, Tensor] => m[1] instanceof Tensor)
    return [...own.filter(([, t]) => t instanceof Parameter), ...own.filter(([name, t]) => !(t instanceof Parameter) && this.#isPersistent(name))]
  }

  /** For own entries, the whole keys that older files have in place of theirs; `prefix` is that of this module. */
  formerKeys(_prefix: string): Readonly<Record<string, string>> {
    return {}
  }

  /**
   * Called before a state dict is compared with the module's own entries: a lazy layer takes its sizes here, a layer refuses what older files
   * hold. `prefix` is that of this module, `version` that of its entries.
   * @returns what speaks against loading
   */
  prepareToLoad(_state: StateDict, _prefix: string, _version: number | undefined): readonly LoadProblem[] {
    return []
  }

  /** Entries that an older file may lack: `loadStateDict` then keeps the module's own. */
  missingKeysAllowed(_version: number | undefined): readonly string[] {
    return []
  }

  /**
   * Copies a state dict into the parameters and buffers. Nothing is changed where it doesn't fit.
   * @param options.strict every key must be there and known. Default true.
   * @returns the keys that were missing and unexpected
   * @throws RuntimeError with PyTorch's text, listing every missing and unexpected key and every wrong shape
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): LoadResult {
    checkOptions('loadStateDict', options, ['strict'])
    return loadStateDict(this, state, options, (target, source) => noGrad(() => copy_(detach(target), source)))
  }

  /** Calls `hook(module, inputs)` before each forward. Inputs are typed as tensors: say so where they are something else. */
  registerForwardPreHook<Inputs extends readonly unknown[] = readonly Tensor[]>(hook: ForwardPreHook<Inputs>): HookHandle {
    return this.#addHook((hooks) => hooks.pre, hook as AnyForwardPreHook)
  }

  /** Calls `hook(module, inputs, output)` after each forward. The output is typed as a tensor: say so where it is something else. */
  registerForwardHook<Output = Tensor, Inputs extends readonly unknown[] = readonly Tensor[]>(hook: ForwardHook<Output, Inputs>): HookHandle {
    return this.#addHook((hooks) => hooks.forward, hook as AnyForwardHook)
  }

  /** As `register_full_backward_hook`. */
  registerFullBackwardHook(hook: BackwardHook): HookHandle {
    return this.#addHook((hooks) => hooks.backward, hook)
  }

  #addHook<Hook>(kind: (hooks: ModuleHooks) => Set<Hook>, hook: Hook): HookHandle {
    this.#hooks ??= new ModuleHooks(this)
    return this.#hooks.add(kind(this.#hooks), hook)
  }

  /** The arguments in `toString`, as PyTorch's `extra_repr`. */
  extraRepr(): string {
    return ''
  }

  /** The name and the text of each sub-module in `toString`. */
  protected childLines(): [string, string][] {
    return this.namedChildren().map(([name, child]) => [name, child.toString()])
  }

  /** As PyTorch prints a module: its name and arguments, and its sub-modules indented. */
  toString(): string {
    const indent = (text: string) => text.split('\n').join('\n  ')
    const lines = this.childLines().map(([name, text]) => `(${name}): ${indent(text)}`)
    const extra = this.extraRepr()
    const name = this.constructor.name
    if (lines.length === 0) return extra.includes('\n') ? `${name}(\n  ${indent(extra)}\n)` : `${name}(${extra})`
    return `${name}(\n  ${[...(extra ? extra.split('\n') : []), ...lines].join('\n  ')}\n)`
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** Modules, tensors and what holds them are copied; functions and objects of other classes are shared. */
function copyValue(value: unknown, copies: Map<object, object>): unknown {
  if (value instanceof Module) return value.clone(copies)
  if (value === null || typeof value !== 'object') return value
  const known = copies.get(value)
  if (known) return known
  const remember = <T extends object>(copy: T): T => {
    copies.set(value, copy)
    return copy
  }
  if (value instanceof Parameter) return remember(new Parameter(copyOf(value), value.requiresGrad))
  if (value instanceof Tensor) return remember(keep(copyOf(value)))
  if (Array.isArray(value)) {
    const list: unknown[] = remember([])
    for (const item of value) list.push(copyValue(item, copies))
    return list
  }
  if (value instanceof Map) {
    const map: Map<unknown, unknown> = remember(new Map())
    for (const [key, item] of value) map.set(copyValue(key, copies), copyValue(item, copies))
    return map
  }
  if (value instanceof Set) {
    const set: Set<unknown> = remember(new Set())
    for (const item of value) set.add(copyValue(item, copies))
    return set
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const record: Record<string, unknown> = remember({})
  for (const [key, item] of Object.entries(value)) record[key] = copyValue(item, copies)
  return record
}

const copyOf = (t: Tensor): Tensor => noGrad(() => clone(detach(t)))
