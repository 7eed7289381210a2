import { expect, test } from 'vitest'
import { train } from '../memory/training.js'

test.each([{ optimizer: 'Adam', loop: 'DataLoader', turns: 10_000 } as const, { optimizer: 'SGD with momentum', loop: 'steps', turns: 10_000 } as const])(
  '10,000 turns with $optimizer over $loop, without an await, end with the memory of the tenth',
  (setting) => {
    const { tenth, last, losses } = train(setting)
    expect(losses.length).toBe(setting.turns)
    expect({ tensors: last.tensors, bytes: last.bytes }).toEqual({ tensors: tenth.tensors, bytes: tenth.bytes })
    expect(last.reservedBytes).toBe(tenth.reservedBytes)
    expect(Math.max(...losses.slice(-100))).toBeLessThan(0.05)
  },
)
