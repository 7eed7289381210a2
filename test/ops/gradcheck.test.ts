import { describe, expect, test } from 'vitest'
import { gradcheck, gradgradcheck } from '../../src/autograd/index.js'
import * as ops from '../../src/ops/index.js'
import { layerExamples } from './gradcheck-layers.js'
import { lossExamples } from './gradcheck-losses.js'
import { normExamples } from './gradcheck-norms.js'
import { examples as basicExamples, type Example, notDifferentiable } from './gradcheck-table.js'

type Operation = NonNullable<Example['run']>

const examples = { ...basicExamples, ...layerExamples, ...lossExamples, ...normExamples }
const operations = new Map<string, unknown>(Object.entries(ops).filter(([, value]) => typeof value === 'function'))
const exempt = new Set(Object.values(notDifferentiable).flat())

const operationOf = (name: string, { run }: Example): Operation => run ?? (operations.get(name) as Operation)

describe('every exported operation', () => {
  test.for([...operations.keys()])('%s has gradcheck examples or a reason to have none', (name) => {
    expect([name in examples, exempt.has(name)]).toContain(true)
  })
  test('none has both', () => {
    expect([...exempt].filter((name) => name in examples)).toEqual([])
  })
  test('none that is listed has gone', () => {
    expect([...Object.keys(examples), ...exempt].filter((name) => !operations.has(name))).toEqual([])
  })
})

describe.for(Object.entries(examples))('%s', ([name, list]) => {
  test.for(list.map((example, i) => ({ i, example })))('gradient, example $i', ({ example }) => {
    expect(gradcheck(operationOf(name, example), example.inputs())).toBe(true)
  })
  test.for(list.filter(({ twice = true }) => twice).map((example, i) => ({ i, example })))('second derivative, example $i', ({ example }) => {
    expect(gradgradcheck(operationOf(name, example), example.inputs())).toBe(true)
  })
})
