import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Family } from './data.js'
import { accuracyRatio, runFamily } from './report.js'

const golden = new URL('../golden/', import.meta.url).pathname
const families = [
  'activations',
  'attention',
  'batchnorm',
  'checkpoints',
  'groupnorm',
  'instancenorm',
  'layernorm',
  'layers',
  'losses',
  'lrn_normalize',
  'optim',
  'random',
  'recurrent',
  'rmsnorm',
  'seed_example',
  'tools',
  'trajectories',
  'weight_spectral_norm',
]

describe("PyTorch's frozen results", () => {
  for (const name of families) {
    it(`${name}: every case passes`, { timeout: 300_000 }, () => {
      const report = runFamily(new Family(golden, name))
      expect(report.failed.map((f) => `${f.name}: ${f.reason}`)).toEqual([])
      expect(report.passed).toBeGreaterThan(0)
      // Weight and spectral norms have no errors against float64 in the data.
      if (report.ratios.length > 0 && name.endsWith('norm'))
        expect(accuracyRatio(report), "our error against float64, over PyTorch's own").toBeLessThanOrEqual(1)
    })
  }
})

describe('the runner sees what is wrong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (name: string) => readFileSync(join(golden, name))

  it('a changed value, a changed error text, a changed repr and an unknown kind fail', () => {
    const arrays = Buffer.from(file('layernorm.safetensors'))
    const headerLength = Number(arrays.readBigUInt64LE(0))
    const header = JSON.parse(arrays.subarray(8, 8 + headerLength).toString())
    const [begin] = header['int_2d_default_float32/grad.bias'].data_offsets
    const at = 8 + headerLength + begin
    arrays.writeFloatLE(arrays.readFloatLE(at) + 1e-3, at)
    const manifest = JSON.parse(file('layernorm.json').toString())
    const pick = (name: string) => manifest.cases.find((c: { name: string }) => c.name === name)
    pick('F_weight_shape').expected_error.message += '!'
    pick('construct_int').repr = 'LayerNorm((6,), eps=1e-05, elementwise_affine=True)'
    pick('construct_list').kind = 'riddle'
    writeFileSync(join(folder, 'layernorm.safetensors'), arrays)
    writeFileSync(join(folder, 'layernorm.json'), JSON.stringify(manifest))
    const report = runFamily(new Family(folder, 'layernorm'))
    expect(report.failed.map((f) => f.name).sort()).toEqual(['F_weight_shape', 'construct_int', 'construct_list', 'int_2d_default_float32'])
    expect(report.failed.find((f) => f.name === 'int_2d_default_float32')?.reason).toContain('grad.bias[0]')
  })
})
