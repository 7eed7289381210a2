import { isFloatingPoint } from '../../src/core/dtype.js'
import { type Dtype, full, grad, noGrad, ones, Tensor } from '../../src/index.js'
import { kernels } from '../../src/kernels/index.js'
import type { Module } from '../../src/nn/module.js'
import { attributeName } from '../../src/nn/names.js'
import { type StateDict, stateDictVersions } from '../../src/nn/state-dict.js'
import { call, optionsOf, python, resolve } from './bindings.js'
import { check, compare, type Errors, Mismatch } from './compare.js'
import type { Call, Family, GoldenCase } from './data.js'
import { moduleFromPrint } from './printed.js'

/** Runs one case of a kind; throws where something differs. */
export type Runner = (family: Family, c: GoldenCase, errors: Errors) => void

const isFloat = (t: Tensor): boolean => isFloatingPoint(t.dtype)
const target = (c: GoldenCase): string => {
  check(c.target !== undefined, 'the case names no target')
  return c.target
}

export function construct(c: GoldenCase): Module {
  // Containers are stored without arguments: what is in them is what they print.
  if (!c.init && c.repr) return moduleFromPrint(c.repr)
  const { args, kwargs } = c.init ?? { args: [], kwargs: {} }
  return call(target(c), args, kwargs) as Module
}

/** Every forward has its own type; a case's arguments fit the one that it calls. */
export const forward = (module: Module, inputs: readonly unknown[]): unknown => Reflect.apply(module.forward, module, [...inputs])

const members = (module: Module) => [...module.namedParameters(), ...module.namedBuffers()]

/** Copies stored parameters and buffers (`param.NAME`, `buffer_before.NAME`) into a module. */
export function loadStored(family: Family, c: GoldenCase, module: Module): void {
  const stored = members(module).flatMap(([name]) => ['param.', 'buffer_before.'].map((p) => p + name).filter((key) => family.has(c, key)))
  const dtype = stored.map((key) => family.array(c, key)).find(isFloat)?.dtype
  if (dtype) module.to(dtype)
  for (const [name, t] of members(module)) {
    for (const prefix of ['param.', 'buffer_before.']) {
      if (family.has(c, prefix + name)) noGrad(() => t.detach().copy_(family.array(c, prefix + name)))
    }
  }
}

export function checkRepr(c: GoldenCase, module: Module, repr = c.repr): void {
  if (repr !== undefined) check(module.toString() === repr, `prints as ${module.toString()}, expected ${repr}`)
}

export function checkState(module: Module, expected: GoldenCase['state_dict']): void {
  if (!expected) return
  const got = Object.entries(module.stateDict()).map(([name, t]) => `${name} [${t.shape}] ${t.dtype}`)
  const want = expected.map(([name, shape, dtype]) => `${name} [${shape}] ${dtype}`)
  check(got.join('; ') === want.join('; '), `state dict ${got.join('; ')}, expected ${want.join('; ')}`)
}

/** Replaces '@name' by the stored array. */
export class Inputs {
  readonly tensors = new Map<string, Tensor>()
  constructor(
    private readonly family: Family,
    private readonly c: GoldenCase,
    private readonly key: (name: string) => string = (name) => name,
    private readonly step: number | null = null,
  ) {}

  value(v: unknown): unknown {
    if (typeof v === 'string' && v.startsWith('@')) return this.tensor(v.slice(1))
    return Array.isArray(v) ? v.map((x) => this.value(x)) : v
  }

  values({ args, kwargs }: Call): [unknown[], Record<string, unknown>] {
    return [args.map((v) => this.value(v)), Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [k, this.value(v)]))]
  }

  private tensor(name: string): Tensor {
    const known = this.tensors.get(name)
    if (known) return known
    let t = this.family.array(this.c, this.key(name))
    if (this.step !== null) t = t.select(0, this.step).clone()
    if (this.c.layout?.strides) t = withStrides(t, this.c.layout.strides)
    if (this.needsGrad(name, t)) t.requiresGrad_()
    this.tensors.set(name, t)
    return t
  }

  private needsGrad(name: string, t: Tensor): boolean {
    const { c } = this
    if (!isFloat(t) || c.mutates?.includes(name)) return false
    const listed = c.requires_grad?.inputs
    if (c.requires_grad && listed) return listed.includes(name)
    return true
  }
}

/** The same values under other strides, as in a view of a larger tensor. */
function withStrides(t: Tensor, strides: readonly number[]): Tensor {
  const span = t.shape.reduce((n, size, i) => n + (size - 1) * strides[i], 1)
  const base = ones([span], { dtype: t.dtype })
  const view = new Tensor(base.storage, t.dtype, t.shape, strides)
  // The kernel, as copy_ refuses to write where elements share memory (an expanded view); here they share equal values.
  kernels.copy(t, view)
  return view
}

/** Tensors in a result, with the names that the data give them. */
export function outputsOf(result: unknown, name = 'output'): [string, Tensor][] {
  if (result instanceof Tensor) return [[name, result]]
  if (Array.isArray(result)) return result.flatMap((r, i) => outputsOf(r, `${name}.${i}`))
  if (result && typeof result === 'object') return Object.values(result).flatMap((r, i) => outputsOf(r, `${name}.${i}`))
  return []
}

function lossOf(outputs: readonly [string, Tensor][], upstream: (name: string) => Tensor | null): Tensor | null {
  let loss: Tensor | null = null
  for (const [name, t] of outputs) {
    if (!isFloat(t) || !t.requiresGrad) continue
    const u = upstream(name)
    if (!u) continue
    const part = t.mul(u).sum()
    loss = loss ? loss.add(part) : part
  }
  return loss
}

function checkGradients(family: Family, c: GoldenCase, leaves: ReadonlyMap<string, Tensor>, errors: Errors): void {
  for (const [name, leaf] of leaves) {
    const key = `grad.${name}`
    if (family.has(c, key)) {
      check(leaf.grad !== null, `${key} is missing`)
      compare(family, c, key, leaf.grad, errors)
    } else if (c.grad_none?.includes(name)) check(leaf.grad === null, `${key} should be null`)
  }
}

/** Named results, and the gradients of their loss. */
export function checkLoss(family: Family, c: GoldenCase, results: readonly [string, Tensor][], leaves: ReadonlyMap<string, Tensor>, errors: Errors): void {
  for (const [name, t] of results) {
    compare(family, c, name, t, errors)
    const expected = c.output_requires_grad?.[name]
    if (expected !== undefined) check(t.requiresGrad === expected, `${name}.requiresGrad is ${t.requiresGrad}`)
  }
  lossOf(results, (name) => family.array(c, name === 'output' ? 'upstream' : `upstream.${name}`))?.backward()
  checkGradients(family, c, leaves, errors)
}

/** With gx the gradient with respect to `wrt`: a penalty on gx, and its gradients. */
function doubleBackward(family: Family, c: GoldenCase, loss: Tensor, leaves: ReadonlyMap<string, Tensor>, upstream: Tensor, errors: Errors): void {
  const { wrt, penalty = 'sumsq' } = c.double_backward ?? { wrt: 'input' }
  const x = leaves.get(wrt)
  check(x !== undefined, `no input named ${wrt}`)
  const [gx] = gradOf(loss, x)
  const value = penalty === 'sumsq' ? gx.square().sum() : gx.reshape([gx.shape[0], -1]).square().sum(1).sqrt().sub(1).square().mean()
  compare(family, c, 'dd.penalty', value, errors)
  const all = new Map([...leaves, ['upstream', upstream]])
  const names = [...all.keys()].filter((n) => family.has(c, `dd.grad.${n}`) || c.dd_grad_none?.includes(n))
  const grads = gradsOf(
    value,
    names.map((n) => all.get(n) as Tensor),
  )
  names.forEach((name, i) => {
    const g = grads[i]
    if (c.dd_grad_none?.includes(name)) check(g === null || g.abs().sum().item() === 0, `dd.grad.${name} should be null`)
    else {
      check(g !== null, `dd.grad.${name} is missing`)
      compare(family, c, `dd.grad.${name}`, g, errors)
    }
  })
}

const gradOf = (loss: Tensor, x: Tensor): Tensor[] => grad(loss, [x], { createGraph: true })
const gradsOf = (value: Tensor, inputs: Tensor[]): (Tensor | null)[] => grad(value, inputs, { allowUnused: true, retainGraph: true })

/** The call, its outputs, gradients, second derivatives, and what it changed. */
function runCall(
  family: Family,
  c: GoldenCase,
  errors: Errors,
  inputs: Inputs,
  invoke: (args: unknown[], kwargs: Record<string, unknown>) => unknown,
  parameters: ReadonlyMap<string, Tensor>,
): void {
  const [args, kwargs] = inputs.values(c.call ?? { args: [], kwargs: {} })
  const outputs = outputsOf(invoke(args, kwargs))
  for (const [name, t] of outputs) {
    compare(family, c, name, t, errors)
    const expected = c.output_requires_grad?.[name]
    if (expected !== undefined) check(t.requiresGrad === expected, `${name}.requiresGrad is ${t.requiresGrad}`)
  }
  for (const name of c.mutates ?? []) compare(family, c, `after.${name}`, inputs.tensors.get(name) as Tensor, errors)
  const leaves = new Map([...inputs.tensors, ...parameters])
  let upstream: Tensor | null = null
  const loss = lossOf(outputs, (name) => {
    const key = name === 'output' ? 'upstream' : `upstream.${name}`
    if (!family.has(c, key)) return null
    upstream = family.array(c, key)
    if (c.double_backward) upstream.requiresGrad_()
    return upstream
  })
  if (!loss) return
  if (c.double_backward && upstream) doubleBackward(family, c, loss, leaves, upstream, errors)
  loss.backward()
  checkGradients(family, c, leaves, errors)
}

export const runModule: Runner = (family, c, errors) => checkModule(family, c, errors, construct(c))

/** A module that is made as the case says: its text, state, call and gradients. */
export function checkModule(family: Family, c: GoldenCase, errors: Errors, module: Module): void {
  checkRepr(c, module)
  checkState(module, c.state_dict)
  loadStored(family, c, module)
  module.train(c.mode !== 'eval')
  const parameters = new Map<string, Tensor>(module.namedParameters())
  const learned = c.requires_grad?.params
  if (c.requires_grad && learned) for (const [name, p] of parameters) p.requiresGrad_(learned.includes(name))
  runCall(family, c, errors, new Inputs(family, c), (args, kwargs) => forward(module, [...args, ...optionsOf(kwargs)]), parameters)
  for (const [name, t] of members(module)) {
    for (const prefix of ['buffer_after.', 'param_after.']) if (family.has(c, prefix + name)) compare(family, c, prefix + name, t, errors)
  }
}

export const runFunction: Runner = (family, c, errors) => {
  runCall(family, c, errors, new Inputs(family, c), (args, kwargs) => call(target(c), args, kwargs), new Map())
}

/** Training steps with unchanged parameters, then one evaluation. */
export const runModuleSteps: Runner = (family, c, errors) => {
  const module = construct(c)
  checkRepr(c, module)
  loadStored(family, c, module)
  const collected = new Map<string, Tensor[]>()
  const collect = (key: string, t: Tensor) => collected.set(key, [...(collected.get(key) ?? []), t.detach().clone()])
  const pass = (prefix: string, step: number | null) => {
    const inputs = new Inputs(family, c, (name) => `${prefix}${name}`, step)
    const [args] = inputs.values(c.call ?? { args: ['@input'], kwargs: {} })
    module.zeroGrad()
    const outputs = outputsOf(forward(module, args))
    for (const [name, t] of outputs) collect(prefix + name, t)
    const loss = lossOf(outputs, () => {
      const u = family.array(c, `${prefix}upstream`)
      return step === null ? u : u.select(0, step)
    })
    loss?.backward()
    for (const [name, t] of [...inputs.tensors, ...module.namedParameters()]) if (t.grad) collect(`${prefix}grad.${name}`, t.grad)
    for (const [name, t] of module.namedBuffers()) collect(`${prefix}buffer_after.${name}`, t)
  }
  module.train()
  for (let i = 0; i < c.steps; i++) pass('steps.', i)
  module.eval()
  pass('eval.', null)
  for (const key of c.keys) {
    const list = collected.get(key)
    if (!list) continue
    compare(family, c, key, key.startsWith('steps.') ? stackAll(list) : list[0], errors)
  }
  const results = c.keys.filter((k) => /^(steps|eval)\.(output|grad|buffer_after)/.test(k))
  for (const key of results) check(collected.has(key), `${key} was not computed`)
}

/** As ops' stack, which the comparison must not lean on more than it needs. */
export function stackAll(list: readonly Tensor[]): Tensor {
  const shape = [list.length, ...list[0].shape]
  const out = ones(shape, { dtype: list[0].dtype })
  list.forEach((t, i) => {
    out.select(0, i).copy_(t)
  })
  return out
}

function isMessage(got: Error, expected: { type: string; message: string }): boolean {
  if (got.name !== expected.type) return false
  // Python's own words about a call's signature: the names of the arguments, in our spelling, have to be in our text.
  const signature = /__init__\(\) |forward\(\) |takes from|positional argument/.test(expected.message)
  if (signature) {
    const quoted = [...expected.message.matchAll(/'(\w+)'/g)].map((m) => m[1])
    return quoted.every((name) => got.message.includes(name) || got.message.includes(attributeName(name)))
  }
  return got.message.includes(expected.message.trim())
}

/**
 * Values for the inputs of an error case. The data give shapes only; where the values matter, the message speaks of them: a number in it,
 * or one that is too large, too small or not a probability.
 */
function candidates(message: string): number[] {
  const named = /-?\d+/.exec(message)
  return [1, ...(named ? [Number(named[0])] : []), 2, 1000, -1]
}

export const runError: Runner = (family, c) => expectError(c, (value) => provoke(family, c, value))

/** That `fail` throws what the case expects, with one of the values that may matter. */
export function expectError(c: GoldenCase, fail: (value: number) => unknown): void {
  const expected = c.expected_error
  check(expected !== undefined && expected !== null, 'the case expects no error')
  let outcome = ''
  for (const value of candidates(expected.message)) {
    try {
      fail(value)
      outcome ||= 'nothing was thrown'
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (isMessage(error, expected)) return
      if (['NotThereYet', 'KeyError', 'Mismatch'].includes(error.name)) throw error
      outcome ||= `got ${error.name}: ${error.message}`
    }
  }
  throw new Mismatch(`expected ${expected.type}: ${expected.message}; ${outcome}`)
}

/** Does what must fail: an expression, a constructor, or a call with inputs of the given shapes. */
function provoke(family: Family, c: GoldenCase, value: number): unknown {
  if (c.expr) return python(c.expr)
  if (target(c) === 'torch.manual_seed')
    return call(
      target(c),
      (c.call?.args ?? []).map((a) => BigInt(String(a))),
      {},
    )
  const specs = c.input_specs ?? {}
  const inputs = Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => {
      const t = family.has(c, name) ? family.array(c, name) : full(shape, value, { dtype: dtype as Dtype })
      return [name, c.note?.includes(`${name} is created with requires_grad true`) ? t.requiresGrad_() : t]
    }),
  )
  const given = (v: unknown): unknown => (typeof v === 'string' && v.startsWith('@') ? inputs[v.slice(1)] : Array.isArray(v) ? v.map(given) : v)
  const args = (c.call?.args ?? []).map(given)
  const kwargs = Object.fromEntries(Object.entries(c.call?.kwargs ?? {}).map(([k, v]) => [k, given(v)]))
  const found = resolve(target(c))
  if (typeof found === 'function' && target(c).includes('functional')) return call(target(c), args, kwargs)
  const module = construct(c)
  module.train(c.mode !== 'eval')
  if (c.note?.includes('float64') || c.name.includes('into_f64')) module.double()
  return forward(module, [...args, ...optionsOf(kwargs)])
}

/** What must not throw: a constructor, where the call has no arguments, a module's forward, or a function. */
export const runNoError: Runner = (family, c, errors) => {
  const still = { ...c, requires_grad: { inputs: [] } }
  if (!/\.nn\.[A-Z]/.test(target(c))) runFunction(family, still, errors)
  else if (c.call?.args.length === 0) construct(c)
  else runModule(family, still, errors)
}

export const runConstruct: Runner = (family, c, errors) => {
  const module = construct(c)
  checkRepr(c, module)
  checkState(module, c.state_dict)
  check(module.training === (c.training ?? true), `training is ${module.training}`)
  for (const [name, want] of Object.entries(c.attributes ?? {})) {
    const got: unknown = Reflect.get(module, attributeName(name))
    check(JSON.stringify(got) === JSON.stringify(want), `${name} is ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`)
  }
  for (const [prefix, { version }] of Object.entries(c.state_dict_metadata ?? {})) {
    const got = module.stateDict()[stateDictVersions]?.[prefix]
    check(got === version, `version of '${prefix}' is ${got}, expected ${version}`)
  }
  for (const [name, t] of members(module)) {
    for (const prefix of ['param.', 'buffer_before.']) if (family.has(c, prefix + name)) compare(family, c, prefix + name, t, errors)
  }
}

export const runLazy: Runner = (family, c, errors) => {
  const module = construct(c)
  checkRepr(c, module, c.repr_before)
  const [output] = outputsOf(forward(module, [family.array(c, 'input')]))
  compare(family, c, 'output', output[1], errors)
  checkRepr(c, module)
  checkState(module, c.state_dict)
  if (c.class_after) check(module.constructor.name === c.class_after, `is a ${module.constructor.name}, expected ${c.class_after}`)
  for (const [name, t] of module.namedBuffers()) if (family.has(c, `buffer_after.${name}`)) compare(family, c, `buffer_after.${name}`, t, errors)
}

const keysOfState = (c: GoldenCase): string[] => c.given_keys ?? c.keys.filter((k) => k.startsWith('state.')).map((k) => k.slice('state.'.length))

export const runLoadStateDict: Runner = (family, c, errors) => {
  const module = construct(c)
  const before = new Map(members(module).map(([name, t]) => [name, t.detach().clone()]))
  const state: StateDict = Object.fromEntries(keysOfState(c).map((k) => [k, family.array(c, `state.${k}`)]))
  const version = typeof c.state_dict_version === 'number' ? c.state_dict_version : c.state_dict_version?.version
  if (version) Object.defineProperty(state, stateDictVersions, { value: { '': version } })
  try {
    const result = module.loadStateDict(state, { strict: c.strict ?? true })
    check(!c.expected_error, 'nothing was thrown')
    check(JSON.stringify(result.missingKeys) === JSON.stringify(c.result?.missing_keys), `missing ${result.missingKeys}`)
    check(JSON.stringify(result.unexpectedKeys) === JSON.stringify(c.result?.unexpected_keys), `unexpected ${result.unexpectedKeys}`)
  } catch (error) {
    if (!(error instanceof Error) || !c.expected_error) throw error
    check(error.name === c.expected_error.type && error.message === c.expected_error.message, `got ${error.name}: ${error.message}`)
    for (const [name, t] of members(module)) {
      check(JSON.stringify(t.toArray(), big) === JSON.stringify(before.get(name)?.toArray(), big), `${name} was changed although loading failed`)
    }
  }
  for (const [name, t] of members(module)) if (family.has(c, `state_after.${name}`)) compare(family, c, `state_after.${name}`, t, errors)
}
const big = (_: string, v: unknown) => (typeof v === 'bigint' ? String(v) : v)

/** Steps in words: `train x0`, `eval x2`, `reset_running_stats()`. */
export const runScript: Runner = (family, c, errors) => {
  const module = construct(c)
  checkRepr(c, module)
  loadStored(family, c, module)
  for (const line of c.script ?? []) {
    const step = /^(train|eval) x(\d+)/.exec(line)
    const compareBuffers = (prefix: string) => {
      for (const [name, t] of module.namedBuffers()) if (family.has(c, `${prefix}.${name}`)) compare(family, c, `${prefix}.${name}`, t, errors)
    }
    if (step) {
      module.train(step[1] === 'train')
      const [output] = outputsOf(forward(module, [family.array(c, `x${step[2]}`)]))
      compare(family, c, `output${step[2]}`, output[1], errors)
      compareBuffers(`buffer_after${step[2]}`)
    } else {
      const method = /^(\w+)\(\)$/.exec(line)
      check(method !== null, `don't know how to do '${line}'`)
      const fn: unknown = Reflect.get(module, attributeName(method[1]))
      check(typeof fn === 'function', `there is no method ${method[1]}`)
      Reflect.apply(fn, module, [])
      compareBuffers('after_reset')
    }
  }
}
