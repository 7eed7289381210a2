import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as lib from '../../src/index.js'
import { CheckpointError, SafetensorsError } from '../../src/io/index.js'

/** Calls everything that is public with arguments that make no sense: what is thrown must be a sentence of ours, not JavaScript's or WebAssembly's. */

const ours = [
  lib.AssertionError,
  lib.AttributeError,
  lib.IndexError,
  lib.KeyError,
  lib.NotImplementedError,
  lib.RuntimeError,
  lib.ValueError,
  lib.ZeroDivisionError,
  CheckpointError,
  SafetensorsError,
  TypeError,
]

/** How engines and WebAssembly complain; and `undefined` where a sentence has a gap rather than the name of what was given. */
const foreign =
  /Cannot |is not a function|(?<!object) is not iterable|not a constructor|unreachable|out of bounds memory|typed array length|Invalid array length|Maximum call stack|is not defined|undefined/
const named = /(got|not|found|is|received|be|nonlinearity|but got:|type:|dtype) undefined\b|undefined is not an? [A-Z]/g

/** A value, made at each call: tensors must be fresh. */
const junk = fc.constantFrom<[string, () => unknown][]>(
  ['undefined', () => undefined],
  ['null', () => null],
  ["'abc'", () => 'abc'],
  ['NaN', () => Number.NaN],
  ['-1', () => -1],
  ['0', () => 0],
  ['1.5', () => 1.5],
  ['2', () => 2],
  ['Infinity', () => Number.POSITIVE_INFINITY],
  ['1e12', () => 1e12],
  ['5n', () => 5n],
  ['true', () => true],
  ['{}', () => ({})],
  ['{ foo: 1 }', () => ({ foo: 1 })],
  ['[]', () => []],
  ['[1, 2]', () => [1, 2]],
  ["['a']", () => ['a']],
  ['[null]', () => [null]],
  ['a function', () => () => 1],
  ['a Date', () => new Date(0)],
  ['a Map', () => new Map()],
  ['ones([])', () => lib.ones([])],
  ['ones([0])', () => lib.ones([0])],
  ['ones([2, 3])', () => lib.ones([2, 3])],
  ['ones([1, 2, 4, 4])', () => lib.ones([1, 2, 4, 4])],
  ["ones([2], { dtype: 'int64' })", () => lib.ones([2], { dtype: 'int64' })],
  ["ones([3], { dtype: 'bool' })", () => lib.ones([3], { dtype: 'bool' })],
  ['[ones([2])]', () => [lib.ones([2])]],
)

/** More find more: 60 for each of 800 take a few seconds. */
const RUNS = 60

type Call = (...args: unknown[]) => unknown

/** Changes the state of the library, or takes what only those who write operations have: rules, kernels and modules. */
const exempt = new Set([
  'setMemoryLimit',
  'setDefaultDtype',
  'setNumThreads',
  'setPrintOptions',
  'setGradEnabled',
  'setDetectAnomaly',
  'resetPeakMemory',
  'loadDigits',
  'loadMobyDick',
])
for (const name of [
  'steps',
  'record',
  'recordAll',
  'inPlace',
  'runBackward',
  'Optimizer',
  'observe',
  'Probe',
  'normSummary',
  'freezeBatchNorm',
  'unfreezeBatchNorm',
])
  exempt.add(name)

const isClass = (value: unknown): boolean => /^class\b/.test(Function.prototype.toString.call(value))

function targetsOf(space: object): [string, Call][] {
  return Object.entries(space).flatMap(([name, value]): [string, Call][] => {
    if (typeof value !== 'function' || exempt.has(name) || value === lib.Tensor || value.prototype instanceof Error) return []
    return [[name, isClass(value) ? (...args) => Reflect.construct(value, args) : (...args) => Reflect.apply(value, undefined, args)]]
  })
}

const methods = Object.getOwnPropertyNames(lib.Tensor.prototype).flatMap((name): [string, Call][] => {
  const method: unknown = Object.getOwnPropertyDescriptor(lib.Tensor.prototype, name)?.value
  return typeof method === 'function' && name !== 'constructor' ? [[name, (...args) => Reflect.apply(method, lib.ones([2, 3]), args)]] : []
})

const { clipGradNorm_, clipGradValue_, parametersToVector, vectorToParameters } = lib.nn.utils
const spaces: Record<string, [string, Call][]> = {
  'the package': targetsOf(lib),
  F: targetsOf(lib.F),
  models: targetsOf(lib.models),
  nn: targetsOf(lib.nn),
  'nn.init': targetsOf(lib.nn.init),
  'nn.utils': targetsOf({ clipGradNorm_, clipGradValue_, parametersToVector, vectorToParameters }),
  'nn.utils.rnn': targetsOf(lib.nn.utils.rnn),
  optim: targetsOf(lib.optim),
  'optim.lrScheduler': targetsOf(lib.optim.lrScheduler),
  'methods of tensors': methods,
}

/** What is wrong with an error, or null. */
function complaint(error: unknown): string | null {
  if (!ours.some((type) => error instanceof type)) return `${error}`
  const { message } = error as Error
  return foreign.test(message.replace(named, '')) ? `${error}` : null
}

beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  // So that what asks for a trillion elements gets the error of the limit.
  lib.setMemoryLimit(2 ** 26)
})
afterAll(() => {
  vi.restoreAllMocks()
})

describe.each(Object.entries(spaces))('%s', (_, targets) => {
  test.each(targets)('%s', async (_, call) => {
    const promises: Promise<unknown>[] = []
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 4 }), (args) => {
        try {
          lib.scope(() => {
            const result = call(...args.map(([, make]) => make()))
            if (result instanceof Promise) promises.push(result)
          })
        } catch (error) {
          const wrong = complaint(error)
          if (wrong !== null) throw new Error(`(${args.map(([text]) => text).join(', ')}): ${wrong}`)
        }
      }),
      { numRuns: RUNS, seed: 1 },
    )
    for (const outcome of await Promise.allSettled(promises)) if (outcome.status === 'rejected') expect(complaint(outcome.reason)).toBe(null)
  })
})
