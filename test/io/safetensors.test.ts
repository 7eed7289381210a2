import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../../src/core/dtype.js'
import { memory, scope } from '../../src/core/storage.js'
import { loadSafetensors, saveSafetensors } from '../../src/io/safetensors.js'
import { parseSafetensors, SafetensorsError, serializeSafetensors } from '../../src/io/safetensors-format.js'
import { arange, tensor } from '../../src/ops/index.js'

const golden = new URL('../golden/', import.meta.url)
const file = new Uint8Array(readFileSync(new URL('checkpoints/dtypes.safetensors', golden)))
const values = parseSafetensors(readFileSync(new URL('checkpoints.safetensors', golden))).tensors

describe('loadSafetensors', () => {
  it('has the values that PyTorch stored, of every dtype', () => {
    const loaded = loadSafetensors(file)
    const dtypes: Record<string, Dtype> = {
      f32: 'float32',
      f64: 'float64',
      f16: 'float16',
      bf16: 'bfloat16',
      i64: 'int64',
      i32: 'int32',
      i16: 'int16',
      i8: 'int8',
      u8: 'uint8',
      bool: 'bool',
      scalar: 'float32',
      scalar_i64: 'int64',
      empty: 'float32',
      nan_inf: 'float32',
    }
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(dtypes).sort())
    for (const [name, dtype] of Object.entries(dtypes)) {
      const want = values.get(`safetensors_dtypes/value.${name}`)
      expect(loaded[name].dtype).toBe(dtype)
      expect(loaded[name].shape).toEqual(want?.shape)
      const data = loaded[name].data
      expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(want?.bytes)
    }
    expect(loaded.nan_inf.toArray()).toContain(Number.POSITIVE_INFINITY)
    expect(loaded.scalar_i64.toArray()).toBeTypeOf('bigint')
  })

  it('widens float16 and bfloat16 to the same numbers in float32 on request', () => {
    const narrow = loadSafetensors(file)
    const wide = loadSafetensors(file, { widen: true })
    for (const name of ['f16', 'bf16']) {
      expect(wide[name].dtype).toBe('float32')
      expect(wide[name].toArray()).toEqual(narrow[name].toArray())
    }
    expect(wide.f64.dtype).toBe('float64')
  })

  it('refuses dtypes that tensors here do not have, and bools that are none, before it makes a tensor', () => {
    const good = { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) } as const
    const live = memory().tensors
    for (const dtype of ['U16', 'U32', 'U64', 'F8_E4M3', 'F8_E5M2'] as const) {
      const bytes = new Uint8Array({ U16: 2, U32: 4, U64: 8, F8_E4M3: 1, F8_E5M2: 1 }[dtype])
      const made = serializeSafetensors([
        ['a', good],
        ['w', { dtype, shape: [1], bytes }],
      ])
      expect(() => loadSafetensors(made)).toThrow(SafetensorsError)
      expect(() => loadSafetensors(made)).toThrow(`tensor "w": there is no tensor of dtype ${dtype} here`)
    }
    const bool = serializeSafetensors([
      ['a', good],
      ['m', { dtype: 'BOOL', shape: [3], bytes: Uint8Array.of(1, 0, 2) }],
    ])
    expect(() => loadSafetensors(bool)).toThrow('tensor "m": element 2 of a BOOL is 2, expected 0 or 1')
    expect(memory().tensors).toBe(live)
  })

  it('refuses an option that it does not know', () => {
    expect(() => loadSafetensors(file, { widened: true } as never)).toThrow("Did you mean 'widen'?")
  })
})

describe('saveSafetensors', () => {
  it('writes the file of the reference implementation', () => {
    expect(Buffer.compare(saveSafetensors(loadSafetensors(file), { format: 'pt', note: 'café' }), file)).toBe(0)
  })

  it('writes views as they look, and gives their memory back', () => {
    scope(() => {
      const x = arange(12).reshape([3, 4])
      const live = memory().tensors
      const bytes = saveSafetensors({ transposed: x.transpose(0, 1), part: x.narrow(1, 1, 2), scalar: tensor(5).expand([2]) })
      expect(memory().tensors).toBeLessThanOrEqual(live + 1)
      const read = loadSafetensors(bytes)
      expect(read.transposed.toArray()).toEqual(x.transpose(0, 1).toArray())
      expect(read.part.toArray()).toEqual([
        [1n, 2n],
        [5n, 6n],
        [9n, 10n],
      ])
      expect(read.scalar.toArray()).toEqual([5, 5])
    })
  })

  it('keeps names that an object would take for its own', () => {
    const read = loadSafetensors(saveSafetensors(Object.fromEntries([['__proto__', tensor([1, 2])]])))
    expect(Object.keys(read)).toEqual(['__proto__'])
  })

  it('refuses what is no tensor', () => {
    expect(() => saveSafetensors({ a: [1] as never })).toThrow('the value of "a" must be a tensor, got an array')
    expect(() => saveSafetensors({ a: null as never })).toThrow('got null')
  })
})
