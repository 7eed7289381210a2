import { readFileSync } from 'node:fs'
import { expect } from 'vitest'

type Results = { [name: string]: unknown }

/** What PyTorch 2.6 printed for the scripts in snippets-in-pytorch.py, of which the tests here are ports. */
const all: { [snippet: string]: Results } = JSON.parse(readFileSync(new URL('./snippets-in-pytorch.json', import.meta.url), 'utf8'))

/** Compares everything that a snippet printed; numbers within `tolerance` of the larger one of 1 and their own size. */
export function expectTorchs(snippet: string, ours: Results, tolerance = 1e-5): void {
  expect(Object.keys(ours)).toEqual(Object.keys(all[snippet]))
  compare(ours, all[snippet], tolerance, snippet)
}

function compare(ours: unknown, torchs: unknown, tolerance: number, at: string): void {
  if (typeof torchs === 'number') {
    expect(ours, at).toBeTypeOf('number')
    expect(Math.abs(Number(ours) - torchs), `${at}: ${String(ours)} for ${torchs}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(torchs)))
  } else if (torchs !== null && typeof torchs === 'object') {
    expect(Object.keys(Object(ours)), at).toEqual(Object.keys(torchs))
    for (const [key, value] of Object.entries(torchs)) compare(Reflect.get(Object(ours), key), value, tolerance, `${at}.${key}`)
  } else expect(ours, at).toBe(torchs)
}
