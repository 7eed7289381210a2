import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command-line.js'
import { runDoctor } from '../../src/cli/doctor.js'
import { commandHelp } from '../../src/cli/help.js'
import { commands, parse } from '../../src/cli/options.js'
import { manualSeed, nn, noGrad, randn } from '../../src/index.js'
import { writeCheckpoint, writeSafetensors } from '../../src/io/node.js'

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)

manualSeed(0)
const norm = new nn.BatchNorm1d(8)
for (let i = 0; i < 20; i++) noGrad(() => norm.forward(randn([64, 8])))
writeSafetensors(file('good.safetensors'), new nn.Sequential(norm).stateDict())
const sick = new nn.Sequential(norm.clone(), new nn.Linear(8, 2))
noGrad(() => (sick.at(0) as nn.BatchNorm1d).weight?.zero_())
writeSafetensors(file('bad.safetensors'), sick.stateDict())
writeSafetensors(file('batch.safetensors'), { 0: randn([32, 8]).add(9) })

function run(settings: { file: string; data?: string; json?: boolean }): { text: string; wrong: boolean } {
  let text = ''
  const { data, json = false } = settings
  const stdout = { write: (part: string) => (text += part) }
  const wrong = runDoctor({ file: file(settings.file), data: data ? file(data) : null, eps: 1e-5, json }, stdout, {})
  return { text: text.replaceAll(folder, ''), wrong }
}

describe('evenkeel doctor', () => {
  it('says that nothing is wrong', () => {
    expect(run({ file: 'good.safetensors' })).toEqual({ text: '/good.safetensors: 1 norm, 1 with running averages\nNothing wrong found.\n', wrong: false })
  })

  it('reads files of torch.save as well', () => {
    writeCheckpoint(file('good.pt'), new nn.Sequential(norm).stateDict())
    expect(run({ file: 'good.pt' }).text).toContain('Nothing wrong found')
  })

  it('prints each finding with its figure, why, and what to do', () => {
    const { text, wrong } = run({ file: 'bad.safetensors', data: 'batch.safetensors' })
    expect(wrong).toBe(true)
    expect(text).toMatch(/^0: weight-collapsed\n {2}\|weight\| <= 0 in all 8 channels\n {2}Why: .+\n {2}Do: {2}.+$/m)
    expect(text).toMatch(/^0: disagrees-with-data\n {2}the data's mean is up to .+ in all 8 channels\n/m)
    expect(text.trimEnd().split('\n').at(-1)).toBe('2 findings in 1 layer.')
  })

  it('--json prints JSON and nothing else', () => {
    const { text } = run({ file: 'bad.safetensors', json: true })
    expect(JSON.parse(text)).toMatchObject({ norms: 1, tracking: 1, findings: [{ layer: '0', problem: 'weight-collapsed', channels: { of: 8 } }] })
  })

  it('a file that is missing or no safetensors file is an error that names it', () => {
    writeFileSync(file('broken.safetensors'), 'no tensors')
    expect(() => run({ file: 'none.safetensors' })).toThrow(/can't read .*none\.safetensors/)
    expect(() => run({ file: 'broken.safetensors' })).toThrow(/broken\.safetensors/)
  })

  it('understands its command line', () => {
    expect(parse(['doctor', 'a.safetensors', '--data', 'b.safetensors', '--eps', '1e-3', '--json'])).toEqual({
      kind: 'doctor',
      settings: { file: 'a.safetensors', data: 'b.safetensors', eps: 1e-3, json: true },
    })
    expect(() => parse(['doctor'])).toThrow(new UsageError('doctor needs a file: evenkeel doctor FILE.'))
    expect(() => parse(['doctor', 'a', 'b'])).toThrow("doctor takes no argument 'b'")
    expect(() => parse(['doctor', 'a', '--eps', '0'])).toThrow('--eps must be a finite number above 0')
    expect(() => parse(['doctor', 'a', '--dta', 'b'])).toThrow('Did you mean --data?')
    const command = commands.find((c) => c.name === 'doctor')
    expect(command && commandHelp(command)).toContain('Usage: evenkeel doctor FILE [OPTIONS]')
  })
})
