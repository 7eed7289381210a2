import { expect, it } from 'vitest'
import { countingModels } from '../../src/training/index.js'

it('is what the definition says', () => {
  // counts in 'abab a': a 3, b 2 of 5; V = 3, so shares are 4/8, 3/8, 1/8. Pairs: ab 2, ba 2.
  const train = [0, 1, 0, 1, 0]
  const { unigram, bigram } = countingModels(train, [1, 2], 3)
  expect(unigram).toBeCloseTo(-(Math.log(3 / 8) + Math.log(1 / 8)) / 2, 12)
  // The first is behind the last of the training text, a (followed 2 times); the second behind b (2 times), never seen there.
  expect(bigram).toBeCloseTo(-(Math.log((2 + 3 / 8) / 3) + Math.log((0 + 1 / 8) / 3)) / 2, 12)
})

it('finds a chain of two that a unigram cannot see, and bigints are tokens, too', () => {
  const chain = Array.from({ length: 2000 }, (_, i) => BigInt(i % 4))
  const { unigram, bigram } = countingModels(chain.slice(0, 1500), chain.slice(1500), 4)
  expect(unigram).toBeCloseTo(Math.log(4), 3)
  expect(bigram).toBeLessThan(0.01)
})

it('shares of all tokens sum to 1, so that nothing is won by promising too much', () => {
  const train = [0, 1, 2, 1, 1, 0, 2, 2]
  for (const measure of ['unigram', 'bigram'] as const) {
    const sum = [0, 1, 2, 3].reduce((total, token) => total + Math.exp(-countingModels(train, [token], 4)[measure]), 0)
    expect(sum).toBeCloseTo(1, 12)
  }
})
