import { expect, test } from 'vitest'
import { fromJson, toJson } from '../../src/experiments/index.js'

test('what is not finite is read back as it was, wherever it stands', () => {
  const run = { losses: [1.5, Number.NaN, -0.25], layers: [{ mean: Number.POSITIVE_INFINITY, std: Number.NEGATIVE_INFINITY, dead: null }], name: 'gru' }
  expect(fromJson(toJson(run))).toEqual(run)
  expect(JSON.parse(toJson(run))).toEqual({ ...run, losses: [1.5, 'NaN', -0.25], layers: [{ mean: 'Infinity', std: '-Infinity', dead: null }] })
})

test('a divergence has its loss in words', () => {
  const run = { status: 'diverged', divergence: { step: 3, loss: 'NaN', where: 'fc.weight' }, looks: [{ step: 1, loss: Number.NaN }] }
  expect(fromJson(toJson(run))).toEqual(run)
})

test('everything else is JSON as it is', () => {
  const value = { a: [1, 'x', true, null], text: 'Infinity is a word in here' }
  expect(toJson(value)).toBe(JSON.stringify(value))
  expect(fromJson(toJson(value))).toEqual(value)
  expect(() => fromJson('{')).toThrow(SyntaxError)
})
