import { expect, test } from 'vitest'
import { type OptimizerName, optimizers, train } from './training.js'

const names = Object.keys(optimizers) as OptimizerName[]
const settings = names.flatMap((optimizer) => (['DataLoader', 'steps'] as const).map((loop) => ({ optimizer, loop, turns: 10_000 })))

test.each(settings)('10,000 turns with $optimizer over $loop end with the memory of the tenth', (setting) => {
  const { tenth, last, losses } = train(setting)
  expect(losses.length).toBe(setting.turns)
  expect({ tensors: last.tensors, bytes: last.bytes }).toEqual({ tensors: tenth.tensors, bytes: tenth.bytes })
  expect(last.reservedBytes).toBe(tenth.reservedBytes)
  // It learns the 40 images by heart, so the loop did train.
  expect(Math.max(...losses.slice(-100))).toBeLessThan(0.05)
})
