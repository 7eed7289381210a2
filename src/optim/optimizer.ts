import { enableGrad, noGrad } from '../autograd/index.js'
import { type Arguments, byName } from '../core/arguments.js'
import { dtypes } from '../core/dtype.js'
import { checkOptions, ValueError } from '../core/errors.js'
import { keep, scope } from '../core/storage.js'
import { Tensor } from '../core/tensor.js'
import { kernels, type UpdateRule } from '../kernels/index.js'
import { pythonFloat, pythonRepr, stateKey } from '../nn/names.js'
import { fullLike } from '../ops/create.js'
import '../ops/methods.js'
import { checkNames, completeOptions, type OptionTable } from './options.js'
import { type LoadableStateDict, loadOptimizerState, newScalar, type OptimizerStateDict, optimizerState, type ParameterState } from './state-dict.js'

/** What every parameter group has beside the options of its optimizer; schedulers write most of it. */
export interface GroupFields {
  params: Tensor[]
  name?: string
  initialLr?: number
  maxLr?: number
  minLr?: number
  maxMomentum?: number
  baseMomentum?: number
}
const groupFields: readonly (keyof GroupFields)[] = ['params', 'name', 'initialLr', 'maxLr', 'minLr', 'maxMomentum', 'baseMomentum']

/** The options that schedulers change. */
export interface GroupOptions {
  lr: number
  momentum?: number
  betas?: readonly [number, number]
}

/** Parameters that share options: `optimizer.paramGroups[0].lr = 0.01` takes effect at the next step. */
export type ParamGroup<O> = GroupFields & O

/** A group as it is given: what it leaves out is the optimizer's own. */
export type GroupInput<O> = Omit<GroupFields, 'params'> & Partial<O> & { params: Tensor | Iterable<Tensor> }

/** A parameter that has a gradient. */
export interface Given {
  readonly p: Tensor
  readonly grad: Tensor
}

/** Parameters, or groups of them. */
export type Params<O> = Iterable<Tensor> | Iterable<GroupInput<O>>

const typeName = (value: unknown): string =>
  value instanceof Tensor
    ? dtypes[value.dtype].tensorName
    : value !== null && typeof value === 'object'
      ? (value.constructor?.name ?? 'object')
      : String(value === null ? null : typeof value)

const isIterable = (value: unknown): value is Iterable<unknown> => value !== null && typeof value === 'object' && Symbol.iterator in value

/**
 * Changes parameters by their gradients. As `torch.optim.Optimizer`; subclasses say how in `update`.
 *
 * A step is `optimizer.zeroGrad()`, `loss.backward()`, `optimizer.step()`. The state (momentum and the like) is made at a parameter's first
 * step and lives beyond every scope.
 * https://pytorch.org/docs/2.6/optim.html
 */
export abstract class Optimizer<O extends GroupOptions = GroupOptions> {
  /** The groups, whose options may be changed between steps. */
  readonly paramGroups: ParamGroup<O>[] = []
  /** What is remembered about each parameter since its first step. */
  readonly state: Map<Tensor, ParameterState> = new Map()
  /** The options of groups that don't give their own. */
  readonly defaults: Readonly<O>
  /** Whether a step was taken: schedulers that are stepped first warn. */
  stepped = false
  /** Names in the state, for loading. */
  protected abstract readonly stateNames: readonly string[]
  readonly #table: OptionTable<O>

  protected constructor(params: Params<O>, args: Arguments<[lr: number], Partial<O>>, table: OptionTable<O>) {
    const owner = this.constructor.name
    const names = Object.keys(table) as (keyof O & string)[]
    const given = byName<Partial<O>>(owner, names, 1, args)
    checkNames(owner, given, names)
    this.#table = table
    this.defaults = completeOptions<O>(owner, table, given, (name) => table[name].initial)
    if (params instanceof Tensor || !isIterable(params)) {
      throw new TypeError(`params argument given to the optimizer should be an iterable of Tensors or dicts, but got ${typeName(params)}`)
    }
    const list: unknown[] = [...params]
    if (list.length === 0) throw new ValueError('optimizer got an empty parameter list')
    const first = list[0]
    const isGroup = first !== null && typeof first === 'object' && 'params' in first
    const groups: unknown[] = isGroup ? list : [{ params: list }]
    for (const group of groups) this.addParamGroup(group as GroupInput<O>)
  }

  /**
   * Optimizes more parameters, with options of their own: layers that are thawed during fine-tuning.
   * @throws TypeError for what is no tensor and for unknown options, ValueError with PyTorch's text for non-leaf tensors, for parameters that
   * another group has and options out of range. A parameter twice in one group is an error too, where PyTorch warns and updates it twice.
   */
  addParamGroup(group: GroupInput<O>): void {
    const owner = this.constructor.name
    if (group === null || typeof group !== 'object' || group instanceof Tensor) throw new TypeError(`param_group must be a dict, but got ${typeName(group)}`)
    if (!(group.params instanceof Tensor || isIterable(group.params))) {
      throw new TypeError(`${owner}: params of a parameter group must be a tensor or an iterable of tensors, got ${typeName(group.params)}`)
    }
    checkNames(`${owner} parameter group`, group, [...groupFields, ...Object.keys(this.#table)])
    const params: Tensor[] = group.params instanceof Tensor ? [group.params] : [...group.params]
    for (const p of params) {
      if (!(p instanceof Tensor)) throw new TypeError(`optimizer can only optimize Tensors, but one of the params is ${typeName(p)}`)
      if (!p.isLeaf) throw new ValueError("can't optimize a non-leaf Tensor")
    }
    const unique = new Set(params)
    if (unique.size < params.length) throw new ValueError('optimizer contains a parameter group with duplicate parameters')
    if (this.paramGroups.some((g) => g.params.some((p) => unique.has(p)))) throw new ValueError('some parameters appear in more than one parameter group')
    const options = completeOptions<O>(owner, this.#table, group, (name) => this.defaults[name])
    this.paramGroups.push({ ...group, ...options, params })
  }

  /** Forgets the gradients, or with `setToNone: false` makes them zero. */
  zeroGrad(options: { setToNone?: boolean } = {}): void {
    checkOptions('zeroGrad', options, ['setToNone'])
    const { setToNone = true } = options
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        if (setToNone || p.grad === null) p.grad = null
        else p.grad = p.grad.requiresGrad ? fullLike(p, 0) : p.grad.zero_()
      }
    }
  }

  /**
   * One update of every parameter that has a gradient.
   * @param closure computes the loss again (with `zeroGrad` and `backward`); recorded although steps are not
   * @returns what the closure returned
   * @throws ValueError where a group's learning rate is not finite; then nothing was changed
   */
  step(): null
  step<T>(closure: () => T): T
  step<T>(closure?: () => T): T | null {
    const loss = closure === undefined ? null : enableGrad(closure)
    for (const { lr } of this.paramGroups) if (!Number.isFinite(lr)) throw new ValueError(`Invalid learning rate: ${pythonFloat(lr)}`)
    noGrad(() => {
      for (const group of this.paramGroups) {
        const given = group.params.flatMap((p) => (p.grad ? [{ p, grad: p.grad }] : []))
        if (given.length > 0) scope(() => this.update(given, group))
      }
    })
    this.stepped = true
    return loss
  }

  /** Changes parameters of a group in place. Called outside the graph and in a scope of its own. */
  protected abstract update(given: readonly Given[], group: ParamGroup<O>): void

  #stateOf(p: Tensor): ParameterState {
    let state = this.state.get(p)
    if (!state) {
      state = {}
      this.state.set(p, state)
    }
    return state
  }

  /** What is remembered about p under `name`: made when first asked for, shaped like p and filled with `initial`. */
  protected remembered(p: Tensor, name: string, initial = 0): Tensor {
    const state = this.#stateOf(p)
    state[name] ??= keep(fullLike(p, initial))
    return state[name]
  }

  /** A remembered number. */
  protected rememberedScalar(p: Tensor, name: string, initial: number): Tensor {
    const state = this.#stateOf(p)
    state[name] ??= newScalar(initial)
    return state[name]
  }

  /** Counts a step of p. @returns the steps taken, this one included */
  protected countStep(p: Tensor): number {
    const step = this.rememberedScalar(p, 'step', 0)
    const data = step.data as Float32Array | Float64Array
    data[0]++
    step.storage.version++
    return data[0]
  }

  /**
   * State and options in PyTorch's layout: `{ state: { 0: { exp_avg, ... } }, param_groups: [{ lr, ..., params: [0, 1] }] }`, parameters
   * numbered in order, names in snake_case. The tensors are the live ones, which the next step changes: save or `clone` them.
   */
  stateDict(): OptimizerStateDict {
    return optimizerState(this)
  }

  /**
   * Takes over the state and options of another run, PyTorch's included: training goes on as if it had not stopped. The tensors are copied.
   * @throws ValueError with PyTorch's text where groups differ in number or size, ValueError and TypeError for entries that don't fit this
   * optimizer; then nothing was changed
   */
  loadStateDict(stateDict: LoadableStateDict): void {
    loadOptimizerState<O>(this, stateDict, this.#table, this.stateNames)
  }

  /** As PyTorch prints an optimizer: the options of each group by their names in PyTorch. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.entries(options).map(([name, value]) => `    ${stateKey(name)}: ${pythonRepr(value)}\n`)
      return `Parameter Group ${i}\n${lines.sort().join('')}`
    })
    return `${this.constructor.name} (\n${groups.join('\n')})`
  }
}

/** What a rule gets for one parameter, in its order. */
export interface Step {
  readonly states: readonly (Tensor | null)[]
  readonly numbers: readonly number[]
}

/** An optimizer whose step is a rule of the kernels: one pass over all parameters of a group. */
export abstract class RuleOptimizer<O extends GroupOptions & { maximize: boolean; weightDecay: number }> extends Optimizer<O> {
  protected abstract readonly rule: UpdateRule

  /** Counts the step of p where that is counted, and says what the rule needs. */
  protected abstract stepOf(p: Tensor, group: ParamGroup<O>): Step

  /** Whether weight decay shrinks the parameter rather than being part of the gradient. */
  protected isDecoupled(_group: ParamGroup<O>): boolean {
    return false
  }

  protected override update(given: readonly Given[], group: ParamGroup<O>): void {
    const { lr, maximize, weightDecay } = group
    const updates = given.map(({ p, grad }) => ({ parameter: p, grad, ...this.stepOf(p, group) }))
    const decay = this.isDecoupled(group) ? { weightDecay: 0, kept: 1 - lr * weightDecay } : { weightDecay, kept: 1 }
    kernels.optimizerStep(this.rule, updates, { maximize, ...decay })
    for (const { p } of given) p.storage.version++
  }
}
