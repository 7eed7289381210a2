import asc from 'assemblyscript/asc'
import type { Contestant } from './workload.js'

/**
 * What this machine can do at most in WebAssembly, to hold the kernels against: copying, and 128-bit arithmetic that touches no memory.
 */

/**
 * Arithmetic: a multiplication and an addition each, as in a matrix product without fused multiply-add. Thirteen chains hide the latency of
 * both, and with the constant and a temporary fill the 15 vector registers that V8 has on x86; with 14 it would spill.
 */
const chains = 13
const each = (line: (i: number) => string): string => Array.from({ length: chains }, (_, i) => line(i)).join('\n')
const source = `
export function copy(to: usize, from: usize, bytes: usize): void { memory.copy(to, from, bytes) }
export function copyVectors(to: usize, from: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 64, to += 64) {
    const a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48)
    v128.store(to, a); v128.store(to, b, 16); v128.store(to, c, 32); v128.store(to, d, 48)
  }
}
export function arithmetic(rounds: i32, constant: f32): f32 {
  const c = f32x4.splat(constant)
  ${each((i) => `let a${i} = f32x4.splat(${i})`)}
  for (let r = 0; r < rounds; r++) {
    ${each((i) => `a${i} = f32x4.add(f32x4.mul(a${i}, c), c)`)}
  }
  ${each((i) => `a0 = f32x4.max(a0, a${i})`)}
  return f32x4.extract_lane(a0, 0)
}
`

interface Exports extends WebAssembly.Exports {
  copy(to: number, from: number, bytes: number): void
  copyVectors(to: number, from: number, bytes: number): void
  arithmetic(rounds: number, constant: number): number
}

const PAGE = 65536
const FIRST_BYTE = PAGE
const ROUNDS = 100_000
const flops = ROUNDS * chains * 2 * 4

export interface Ceilings {
  /** Contestants, whose faster one is the ceiling; `amount` bytes or operations per call. */
  of(workload: { copy?: number; flops?: number }): { contestants: Partial<Record<string, Pick<Contestant, 'times'>>>; amount: number }
}

export async function loadCeilings(): Promise<Ceilings> {
  const { binary, error, stderr } = await asc.compileString(source, {
    optimizeLevel: 3,
    runtime: 'stub',
    enable: ['simd'],
    importMemory: true,
    noExportMemory: true,
  })
  if (error || !binary) throw new Error(`the ceilings' kernels don't compile: ${error?.message}\n${stderr.toString()}`)
  const memory = new WebAssembly.Memory({ initial: 1 })
  const { instance } = await WebAssembly.instantiate(binary.slice(), { env: { memory, abort: () => {} } })
  const { copy, copyVectors, arithmetic } = instance.exports as Exports
  const timed = (run: () => void): Pick<Contestant, 'times'> => ({
    times: (calls) =>
      Array.from({ length: calls }, () => {
        const start = performance.now()
        run()
        return performance.now() - start
      }),
  })
  return {
    of(workload) {
      if (workload.copy === undefined) return { contestants: { arithmetic: timed(() => void arithmetic(ROUNDS, 1)) }, amount: flops }
      const bytes = Math.ceil(workload.copy / 64) * 64
      const missing = Math.ceil((FIRST_BYTE + 2 * bytes - memory.buffer.byteLength) / PAGE)
      if (missing > 0) memory.grow(missing)
      const to = FIRST_BYTE + bytes
      return {
        contestants: { copy: timed(() => copy(to, FIRST_BYTE, bytes)), copyVectors: timed(() => copyVectors(to, FIRST_BYTE, bytes)) },
        amount: 2 * bytes,
      }
    },
  }
}
