import { noGrad } from '../autograd/index.js'
import { getDefaultDtype } from '../core/dtype.js'
import { ValueError } from '../core/errors.js'
import { formatShape, sameShape } from '../core/shape.js'
import { keep } from '../core/storage.js'
import { Tensor } from '../core/tensor.js'
import { attributeName, stateKey } from '../nn/names.js'
import { empty, full } from '../ops/create.js'
import type { GroupOptions, Optimizer } from './optimizer.js'
import { checkKind, isExecutionOption, type OptionTable } from './options.js'

/** What an optimizer remembers about one parameter. */
export type ParameterState = Partial<Record<string, Tensor>>

/** Entries of the state that are one number, whatever the parameter's shape. */
const scalarStates: readonly string[] = ['step', 'muProduct']

/** Such an entry; float32 unless float64 is the default, as PyTorch keeps it. */
export const newScalar = (value: number): Tensor => keep(full([], value, { dtype: getDefaultDtype() === 'float64' ? 'float64' : 'float32' }))

/** As `torch.optim.Optimizer.state_dict()`. PyTorch fills in what only says how it computes (`foreach`, `fused`, ...) when it loads one. */
export interface OptimizerStateDict {
  state: Record<number, Record<string, Tensor>>
  param_groups: ({ params: number[] } & Record<string, unknown>)[]
}

/** What `loadStateDict` takes: numbers may stand for one-element tensors, and null for what isn't there, as in older files of PyTorch's. */
export interface LoadableStateDict {
  state: Readonly<Record<number, Readonly<Record<string, Tensor | number | null>>>>
  param_groups: readonly ({ readonly params: readonly number[] } & Readonly<Record<string, unknown>>)[]
}

const copied = (value: unknown): unknown => (Array.isArray(value) ? [...value] : value)

export function optimizerState<O extends GroupOptions>(optimizer: Optimizer<O>): OptimizerStateDict {
  const state: OptimizerStateDict['state'] = {}
  let index = 0
  const groups = optimizer.paramGroups.map((group) => {
    const params = group.params.map((p) => {
      const own = Object.entries(optimizer.state.get(p) ?? {}).filter((entry): entry is [string, Tensor] => entry[1] !== undefined)
      if (own.length > 0) state[index] = Object.fromEntries(own.map(([name, t]) => [stateKey(name), t]))
      return index++
    })
    const options = Object.entries(group).filter(([name]) => name !== 'params')
    return { ...Object.fromEntries(options.map(([name, value]) => [stateKey(name), copied(value)])), params }
  })
  return { state, param_groups: groups }
}

const isObject = (value: unknown): value is object => value !== null && typeof value === 'object' && !(value instanceof Tensor)

/** The work of `Optimizer.loadStateDict`: everything is made and checked before anything is changed. */
export function loadOptimizerState<O extends GroupOptions>(
  optimizer: Optimizer<O>,
  saved: LoadableStateDict,
  table: OptionTable<O>,
  stateNames: readonly string[],
): void {
  const owner = optimizer.constructor.name
  if (!isObject(saved) || !isObject(saved.state) || !Array.isArray(saved.param_groups)) {
    throw new TypeError(`${owner}.loadStateDict: expected an object { state, param_groups } as stateDict() gives it`)
  }
  const groups = optimizer.paramGroups
  if (groups.length !== saved.param_groups.length) throw new ValueError('loaded state dict has a different number of parameter groups')
  const options = saved.param_groups.map((group) => loadedOptions(owner, group, table))
  const state = new Map<Tensor, ParameterState>()
  groups.forEach(({ params }, i) => {
    const ids = saved.param_groups[i].params
    if (!Array.isArray(ids) || ids.length !== params.length) {
      throw new ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
    }
    params.forEach((p, k) => {
      const entries = saved.state[ids[k]]
      if (entries !== undefined) state.set(p, loadedState(owner, ids[k], p, entries, stateNames))
    })
  })
  optimizer.state.clear()
  for (const [p, entries] of state) optimizer.state.set(p, entries)
  groups.forEach((group, i) => {
    Object.assign(group, options[i])
  })
}

/** Everything but the parameters: the optimizer's options, and what schedulers and users have put beside them. */
function loadedOptions<O>(owner: string, saved: object, table: OptionTable<O>): Record<string, unknown> {
  if (!isObject(saved)) throw new TypeError(`${owner}.loadStateDict: a parameter group must be an object, got ${typeof saved}`)
  const loaded: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(saved)) {
    const name = attributeName(key)
    if (name === 'params' || isExecutionOption(name) || name.startsWith('_')) continue
    if (name in table) checkKind(`${owner}.loadStateDict`, key, table[name as keyof O], value)
    loaded[name] = copied(value)
  }
  return loaded
}

function loadedState(
  owner: string,
  id: number,
  p: Tensor,
  saved: Readonly<Record<string, Tensor | number | null>>,
  stateNames: readonly string[],
): ParameterState {
  const refuse = (message: string): never => {
    throw new ValueError(`${owner}.loadStateDict: the state of parameter ${id} ${message}`)
  }
  if (!isObject(saved)) refuse('must be an object')
  const state: ParameterState = {}
  for (const [key, value] of Object.entries(saved)) {
    const name = attributeName(key)
    if (!stateNames.includes(name)) refuse(`has an entry '${key}', which ${owner} does not have. Was it saved by another optimizer?`)
    if (value === null) continue
    if (scalarStates.includes(name)) {
      const number = value instanceof Tensor && value.numel() === 1 ? value.item() : value
      if (typeof number !== 'number' || Number.isNaN(number)) refuse(`has an entry '${key}' that is no number`)
      else state[name] = newScalar(number)
    } else if (!(value instanceof Tensor)) refuse(`has an entry '${key}' that is no tensor`)
    else if (!sameShape(value.shape, p.shape)) refuse(`has '${key}' of shape ${formatShape(value.shape)}, expected ${formatShape(p.shape)}`)
    else state[name] = noGrad(() => keep(empty(p.shape, { dtype: p.dtype }).copy_(value)))
  }
  return state
}
