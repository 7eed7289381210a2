import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { axesSettings } from '../../lab/axes/settings.js'
import { formatHash, parseHash, readSettings, writeSettings } from '../../lab/state/url.js'
import { benchSettings, playSettings, runSettings } from '../../lab/workbench/settings.js'
import { type BenchState, presets, readBench, writeBench } from '../../lab/workbench/state.js'
import type { Setting, SettingTable } from '../../src/experiments/settings.js'

function anyValue(setting: Setting<unknown>): fc.Arbitrary<unknown> {
  const { min, max, choices } = setting
  const low = min ?? -1e6
  const high = Math.min(max ?? 1e6, Number.MAX_SAFE_INTEGER)
  const one: fc.Arbitrary<unknown> =
    setting.kind === 'choice'
      ? fc.constantFrom(...Object.keys(choices ?? {}))
      : setting.kind === 'switch'
        ? fc.boolean()
        : setting.kind === 'integer'
          ? fc.integer({ min: low, max: high })
          : fc.double({ min: low, max: high, noNaN: true })
  return setting.isValid(null) ? fc.option(one) : one
}

const anyOf = (table: SettingTable) => fc.record(Object.fromEntries(Object.entries(table).map(([name, setting]) => [name, anyValue(setting)])))
const throughAddress = (params: [string, string][]) => parseHash(formatHash({ path: ['workbench'], params: new Map(params) })).params

const network = fc.record({ data: fc.constantFrom('digits14' as const, 'digits28' as const), network: fc.constantFrom('cnn' as const, 'mlp' as const) })
const state = fc
  .record({
    preset: fc.constantFrom(...Object.keys(presets)),
    bench: anyOf(benchSettings),
    play: anyOf(playSettings),
    network,
    runs: fc.array(anyOf(runSettings), { minLength: 1, maxLength: 3 }),
  })
  // Convolutions on pictures only: anything else is changed, with a note.
  .map(({ bench, network, ...rest }) => ({ ...rest, bench: { ...bench, ...network } }) as BenchState)

describe('the address holds the state', () => {
  test('of the bench, whatever it is', () => {
    fc.assert(
      fc.property(state, (before) => {
        const { state: after, notes } = readBench(throughAddress(writeBench(before, 'digits')), 'digits')
        expect(notes).toEqual([])
        expect(after).toEqual(before)
      }),
      { numRuns: 1000 },
    )
  })

  test('of the block', () => {
    fc.assert(
      fc.property(anyOf(axesSettings), (before) => {
        const reading = readSettings(axesSettings, throughAddress(writeSettings(axesSettings, before as never)))
        expect(reading).toEqual({ values: before, notes: [] })
      }),
      { numRuns: 1000 },
    )
  })

  test('whatever is typed, something that can be comes out', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.constantFrom('preset', 'runs', 'run1', 'data', 'depth', 'seed', 'x'), fc.string()), (hash, params) => {
        const { state } = readBench(new Map([...parseHash(hash).params, ...Object.entries(params)]), 'digits')
        expect(state.runs.length).toBeGreaterThanOrEqual(1)
        expect(state.runs.length).toBeLessThanOrEqual(3)
        for (const [name, setting] of Object.entries(benchSettings)) expect(setting.isValid(Reflect.get(state.bench, name))).toBe(true)
        for (const run of state.runs) for (const [name, setting] of Object.entries(runSettings)) expect(setting.isValid(Reflect.get(run, name))).toBe(true)
      }),
    )
  })

  test('what is at its default is left out, and what is out of range is brought to the nearest', () => {
    expect(writeBench(readBench(new Map(), 'digits').state, 'digits')).toEqual([])
    const { state, notes } = readBench(
      new Map([
        ['depth', '99'],
        ['run2', 'lr:-3;batch-size:7.6'],
        ['runs', '9'],
      ]),
      'digits',
    )
    expect(state.bench.depth).toBe(64)
    expect(state.runs[1].batchSize).toBe(8)
    expect(state.runs).toHaveLength(3)
    expect(notes).toHaveLength(4)
  })
})
