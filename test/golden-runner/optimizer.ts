import { nn, optim, type Tensor, tensor } from '../../src/index.js'
import { attributeName } from '../../src/nn/names.js'
import { isExecutionOption } from '../../src/optim/options.js'
import { call, python } from './bindings.js'
import { check, compare } from './compare.js'
import { type Runner, stackAll } from './kinds.js'
import type { Callable } from './python.js'

/** Kind `optimizer`: loss = ((tanh(X w + b) s - Y)²).mean(), with the case's optimizer, schedule and clipping. */

type Scheduler = { step(metric: Tensor): void }

const names = ['w', 'b', 's']

const isScheduler = (value: unknown): value is Scheduler => value instanceof optim.lrScheduler.LRScheduler

/** Arguments that are written as Python: a function of the epoch, and the schedulers of a sequence. */
function schedulerArguments(optimizer: optim.Optimizer, kwargs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = { ...kwargs }
  if (typeof given.lr_lambda === 'string') {
    const factor = python(`lambda epoch: ${given.lr_lambda}`) as Callable
    given.lr_lambda = (epoch: number) => Number(factor([epoch], {}))
  }
  if (typeof given.schedulers === 'string') {
    const of =
      (name: string): Callable =>
      (args, kwargs) =>
        call(`torch.optim.lr_scheduler.${name}`, [optimizer, ...args], kwargs)
    const known = [...given.schedulers.matchAll(/(\w+)\(/g)].map(([, name]) => [name, of(name)])
    given.schedulers = python(`[${given.schedulers}]`, Object.fromEntries(known))
  }
  return given
}

/** Rates that a schedule computed may differ in the last places; everything else is as it was given. */
function checkGroups(got: readonly Record<string, unknown>[], want: readonly Record<string, unknown>[]): void {
  check(got.length === want.length, `${got.length} parameter groups, expected ${want.length}`)
  const near = (a: unknown, b: unknown): boolean =>
    Array.isArray(a) && Array.isArray(b)
      ? a.length === b.length && a.every((v, i) => near(v, b[i]))
      : typeof a === 'number' && typeof b === 'number'
        ? Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(b), 1e-6)
        : a === b
  want.forEach((expected, i) => {
    const keys = Object.keys(expected).filter((k) => !isExecutionOption(k))
    check(Object.keys(got[i]).sort().join() === keys.sort().join(), `parameter group ${i} has ${Object.keys(got[i])}, expected ${keys}`)
    for (const k of keys) check(near(got[i][k], expected[k]), `parameter group ${i}: ${k} is ${got[i][k]}, expected ${expected[k]}`)
  })
}

export const runOptimizer: Runner = (family, c, errors) => {
  const parameters = Object.fromEntries(names.map((name) => [name, new nn.Parameter(family.array(c, `param.${name}`))]))
  const list = names.map((name) => parameters[name])
  const groups = c.param_groups?.map((group) => ({
    ...Object.fromEntries(Object.entries(group).map(([k, v]) => [attributeName(k), v])),
    params: group.params.map((name) => parameters[name]),
  }))
  const optimizer = call(c.target ?? '', [groups ?? list], c.init?.kwargs ?? {})
  check(optimizer instanceof optim.Optimizer, `${c.target} made no optimizer`)
  const scheduler = c.scheduler ? call(c.scheduler.name, [optimizer], schedulerArguments(optimizer, c.scheduler.kwargs)) : null
  check(scheduler === null || isScheduler(scheduler), `${c.scheduler?.name} made no scheduler`)

  const steps: Record<string, Tensor[]> = {}
  const collect = (key: string, t: Tensor) => {
    steps[key] ??= []
    steps[key].push(t.detach().clone())
  }
  const number = (value: number) => tensor(value, { dtype: 'float64' })
  const [xs, ys] = [family.array(c, 'X'), family.array(c, 'Y')]
  for (let i = 0; i < c.steps; i++) {
    const [group] = optimizer.paramGroups
    collect('lr', number(group.lr))
    collect('momentum_or_beta1', number(group.betas?.[0] ?? group.momentum ?? 0))
    const loss = xs.select(0, i).matmul(parameters.w).add(parameters.b).tanh().mul(parameters.s).sub(ys.select(0, i)).square().mean()
    optimizer.zeroGrad()
    loss.backward()
    if (c.clip?.kind === 'norm')
      collect('total_norm', nn.utils.clipGradNorm_(list, c.clip.value, { normType: Number(c.clip.norm_type?.replace('inf', 'Infinity')) }))
    if (c.clip?.kind === 'value') nn.utils.clipGradValue_(list, c.clip.value)
    if (c.clip) {
      for (const name of names) {
        const { grad } = parameters[name]
        check(grad !== null, `${name} has no gradient`)
        collect(`grad_clipped.${name}`, grad)
      }
    }
    optimizer.step()
    scheduler?.step(loss)
    collect('loss', loss)
    for (const name of names) collect(`param.${name}`, parameters[name])
  }

  const saved = optimizer.stateDict()
  for (const key of c.keys) {
    const [, kind, rest] = /^(steps|state)\.(.*)$/.exec(key) ?? []
    if (kind === 'steps') {
      check(steps[rest] !== undefined, `${key} was not computed`)
      compare(family, c, key, stackAll(steps[rest]), errors)
    } else if (kind === 'state') {
      const [index, name] = rest.split('.')
      check(saved.state[Number(index)]?.[name] !== undefined, `there is no ${key}`)
      compare(family, c, key, saved.state[Number(index)][name], errors)
    }
  }
  const stateKeys = Object.fromEntries(Object.entries(saved.state).map(([index, entries]) => [index, Object.keys(entries).sort()]))
  check(JSON.stringify(stateKeys) === JSON.stringify(c.optimizer_state_keys ?? {}), `state has ${JSON.stringify(stateKeys)}`)
  checkGroups(saved.param_groups, c.param_groups_after ?? [])
}
