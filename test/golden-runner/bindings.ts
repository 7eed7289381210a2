import { readFileSync } from 'node:fs'
import { dtypes } from '../../src/core/dtype.js'
import { KeyError } from '../../src/core/errors.js'
import * as evenkeel from '../../src/index.js'
import { attributeName } from '../../src/nn/names.js'
import { type Callable, type Environment, evaluate, type Slice } from './python.js'

/**
 * PyTorch's names and calling convention on top of ours: `torch.nn.Conv2d(1, 2, 3, stride=2)` becomes `new nn.Conv2d(1, 2, 3, { stride: 2 })`.
 * Arguments up to a function's own positional ones stay positional, the rest become options in camelCase.
 */

type Signature = { names: string[]; required: number }
const signatures: Record<string, Signature> = JSON.parse(readFileSync(new URL('./signatures.json', import.meta.url), 'utf8'))

/** Functions without a Python signature, and those with more positional arguments here than PyTorch requires. */
const positional: Record<string, readonly string[]> = {
  'torch.nn.functional.batch_norm': ['input', 'running_mean', 'running_var', 'weight', 'bias'],
  'torch.nn.functional.linear': ['input', 'weight', 'bias'],
  'torch.nn.functional.bilinear': ['input1', 'input2', 'weight', 'bias'],
  ...Object.fromEntries([1, 2, 3].flatMap((d) => [`conv${d}d`, `conv_transpose${d}d`].map((n) => [`torch.nn.functional.${n}`, ['input', 'weight', 'bias']]))),
  ...Object.fromEntries(['RNN', 'LSTM', 'GRU'].map((n) => [`torch.nn.${n}`, ['input_size', 'hidden_size', 'num_layers']])),
  'torch.nn.Transformer': ['d_model', 'nhead', 'num_encoder_layers', 'num_decoder_layers', 'dim_feedforward', 'dropout'],
  'torch.nn.functional.scaled_dot_product_attention': ['query', 'key', 'value'],
  'torch.nn.functional.softmax': ['input', 'dim'],
  'torch.nn.functional.log_softmax': ['input', 'dim'],
  'torch.nn.functional.softmin': ['input', 'dim'],
  ...Object.fromEntries([1, 2, 3].flatMap((d) => [`max_pool${d}d`, `avg_pool${d}d`].map((n) => [`torch.nn.functional.${n}`, ['input', 'kernel_size']]))),
  'torch.nn.functional.layer_norm': ['input', 'normalized_shape', 'weight', 'bias'],
  'torch.nn.functional.group_norm': ['input', 'num_groups', 'weight', 'bias'],
  'torch.nn.functional.instance_norm': ['input', 'running_mean', 'running_var', 'weight', 'bias'],
  'torch.nn.functional.rms_norm': ['input', 'normalized_shape', 'weight'],
}

/** A dtype, an infinity, or the value itself, with tuples and lists as arrays. */
export function convert(value: unknown): unknown {
  if (value === 'inf') return Number.POSITIVE_INFINITY
  if (value === '-inf') return Number.NEGATIVE_INFINITY
  if (value === 'nan') return Number.NaN
  if (typeof value === 'string' && value.startsWith('torch.')) return value.slice('torch.'.length)
  if (Array.isArray(value)) return value.map(convert)
  return value
}

/** The family of a later issue that a name belongs to. */
export class NotThereYet extends Error {
  override name = 'NotThereYet'
}

/** The object of ours that `path` names. @throws KeyError for a name that should be there */
export function resolve(path: string): unknown {
  const [, room, name] = /^torch\.(nn\.functional|nn\.init|nn\.utils|optim\.lr_scheduler|optim|nn)?\.?(\w+)$/.exec(path) ?? []
  const rooms: Record<string, object> = {
    'nn.functional': evenkeel.nn.functional,
    'nn.init': evenkeel.nn.init,
    'nn.utils': evenkeel.nn.utils,
    nn: evenkeel.nn,
    optim: evenkeel.optim,
    'optim.lr_scheduler': evenkeel.optim.lrScheduler,
  }
  const owner: object = room ? rooms[room] : evenkeel
  const found: unknown = Reflect.get(owner, attributeName(name)) ?? Reflect.get(owner, name)
  if (found === undefined) throw new KeyError(`there is no ${path} (as ${attributeName(name)})`)
  return found
}

/** Splits Python arguments into ours. */
export function bindArguments(path: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): unknown[] {
  const signature = signatures[path]
  const names = signature?.names ?? positional[path] ?? []
  const own = positional[path] ?? names.slice(0, signature?.required ?? args.length)
  const given = new Map<string, unknown>()
  for (const [i, value] of args.entries()) given.set(names[i] ?? own[i] ?? `#${i}`, convert(value))
  for (const [name, value] of Object.entries(kwargs)) given.set(name, convert(value))
  const list: unknown[] = []
  const options: Record<string, unknown> = {}
  for (const [name, value] of given) {
    const at = name.startsWith('#') ? Number(name.slice(1)) : own.indexOf(name)
    if (at >= 0) list[at] = value
    else options[attributeName(name)] = value
  }
  const count = Math.max(list.length, Object.keys(options).length > 0 ? own.length : 0)
  const out = Array.from({ length: count }, (_, i) => (i in list ? list[i] : undefined))
  return Object.keys(options).length > 0 ? [...out, options] : out
}

/** Calls or constructs what `path` names. */
export function call(path: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): unknown {
  const found = resolve(path)
  if (typeof found !== 'function') throw new KeyError(`${path} is no function`)
  const ours = bindArguments(path, args, kwargs)
  return /^class\b/.test(Function.prototype.toString.call(found)) ? Reflect.construct(found, ours) : Reflect.apply(found, undefined, ours)
}

const callable =
  (path: string): Callable =>
  (args, kwargs) =>
    call(path, args, kwargs)

/** A Python module such as `torch.nn`: attributes are looked up by path. */
class Namespace {
  constructor(readonly path: string) {}
}
const namespaces = ['torch', 'torch.nn', 'torch.nn.functional', 'torch.nn.init', 'torch.nn.utils', 'torch.optim', 'torch.optim.lr_scheduler']

function attributeOf(object: unknown, name: string): unknown {
  if (object instanceof Namespace) {
    const path = `${object.path}.${name}`
    if (namespaces.includes(path)) return new Namespace(path)
    if (object.path === 'torch' && name in dtypes) return name
    if (path === 'torch.Generator') return () => new evenkeel.Generator()
    if (path in torchFunctions) return torchFunctions[path]
    return callable(path)
  }
  if (object === null || typeof object !== 'object') throw new KeyError(`no attribute ${name}`)
  const found: unknown = Reflect.get(object, attributeName(name))
  if (typeof found !== 'function') return found
  const method: Callable = (args, kwargs) => Reflect.apply(found, object, [...args.map(convert), ...optionsOf(kwargs)])
  return method
}

const isShape = (args: readonly unknown[]): boolean => args.every((a) => typeof a === 'number' || typeof a === 'bigint')
/** Keyword arguments as the object that comes last here. */
export const optionsOf = (kwargs: Readonly<Record<string, unknown>>): unknown[] =>
  Object.keys(kwargs).length > 0 ? [Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [attributeName(k), convert(v)]))] : []

/** A function whose positional arguments `positionals` makes ours. */
const withArguments =
  (path: string, positionals: (args: readonly unknown[]) => readonly unknown[]): Callable =>
  (args, kwargs) => {
    const fn = resolve(path)
    if (typeof fn !== 'function') throw new KeyError(`${path} is no function`)
    return Reflect.apply(fn, undefined, [...positionals(args), ...optionsOf(kwargs)])
  }
/** PyTorch's creation functions take sizes one by one; ours take a shape. */
const creation = (path: string): Callable => withArguments(path, (args) => (isShape(args) ? [args.map(Number)] : args))
const plain = (path: string): Callable => withArguments(path, (args) => args.map(convert))

const torchFunctions: Record<string, unknown> = Object.fromEntries([
  ...['rand', 'randn', 'empty', 'zeros', 'ones'].map((n) => [`torch.${n}`, creation(`torch.${n}`)]),
  ...[
    'randperm',
    'randint',
    'arange',
    'linspace',
    'full',
    'normal',
    'bernoulli',
    'multinomial',
    'tensor',
    'rand_like',
    'randn_like',
    'randint_like',
    'manual_seed',
  ].map((n) => [`torch.${n}`, plain(`torch.${n}`)]),
])

function subscript(object: unknown, index: unknown): unknown {
  if (Array.isArray(object)) return object.at(Number(index))
  if (!(object instanceof evenkeel.Tensor)) throw new KeyError('can only index lists and tensors')
  const parts = Array.isArray(index) ? index : [index]
  let t = object
  let dim = 0
  for (const part of parts) {
    if (typeof part === 'number') t = t.select(dim, part)
    else {
      const [start, stop, step] = (part as Slice).slice
      t = t.slice(dim, Number(start ?? 0), Number(stop ?? Number.POSITIVE_INFINITY), Number(step ?? 1))
      dim++
    }
  }
  return t
}

const names: Record<string, unknown> = {
  torch: new Namespace('torch'),
  nn: new Namespace('torch.nn'),
  F: new Namespace('torch.nn.functional'),
  init: new Namespace('torch.nn.init'),
  pi: Math.PI,
  cos: ([x]: unknown[]) => Math.cos(Number(x)),
  min: (args: unknown[]) => Math.min(...args.map(Number)),
  max: (args: unknown[]) => Math.max(...args.map(Number)),
  float: ([x]: unknown[]) => Number(convert(x)),
  Parameter: callable('torch.nn.Parameter'),
  zeros: creation('torch.zeros'),
  setattr: ([object, name, value]: unknown[]) => Reflect.set(object as object, attributeName(String(name)), value),
}

export const environment: Environment = {
  name(name) {
    if (!(name in names)) throw new KeyError(`unknown name ${name}`)
    return names[name]
  },
  attribute: attributeOf,
  subscript,
  operator(op, a, b) {
    const t = a instanceof evenkeel.Tensor ? a : null
    if (t && op === '*') return t.mul(b as number)
    if (t && op === '+') return t.add(b as number)
    if (t && op === 'neg') return t.neg()
    throw new KeyError(`operator ${op} is not for these`)
  },
}

/** The value of a Python expression. */
export const python = (source: string, locals: Readonly<Record<string, unknown>> = {}): unknown => evaluate(source, environment, locals)
