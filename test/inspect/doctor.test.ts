import { describe, expect, it } from 'vitest'
import { diagnose, type Finding, manualSeed, nn, noGrad, randn, type Tensor, tensor } from '../../src/index.js'

/** A small network whose norms have seen batches. */
function trained(): nn.Sequential {
  manualSeed(0)
  const model = new nn.Sequential({
    conv: new nn.Conv2d(1, 4, 3),
    bn: new nn.BatchNorm2d(4),
    relu: new nn.ReLU(),
    group: new nn.GroupNorm(2, 4),
    flat: new nn.Flatten(),
    fc: new nn.Linear(16, 3),
    prelu: new nn.PReLU(),
    rmsnorm: new nn.RMSNorm(3),
  })
  noGrad(() => {
    for (let i = 0; i < 30; i++) model.forward(randn([32, 1, 4, 4]))
  })
  return model
}

/** The state dict after a change. */
function changed(change: (state: Record<string, Tensor>) => void): Record<string, Tensor> {
  const state = { ...trained().stateDict() }
  for (const [key, t] of Object.entries(state)) state[key] = t.clone()
  change(state)
  return state
}

const brief = (findings: readonly Finding[]) => findings.map(({ layer, problem, channels }) => [layer, problem, channels?.indices ?? null])
const set = (t: Tensor, index: number, value: number) => noGrad(() => void t.select(0, index).fill_(value))

describe('diagnose', () => {
  it('finds nothing wrong with a healthy network, and counts its norms', () => {
    expect(diagnose(trained().stateDict())).toEqual({ norms: 3, tracking: 1, findings: [] })
    expect(diagnose({})).toEqual({ norms: 0, tracking: 0, findings: [] })
    expect(diagnose({ weight: tensor([[1, 2]]), bias: tensor([1]) }).norms).toBe(0)
  })

  it.each<[string, (state: Record<string, Tensor>) => void, [string, string, number[] | null][]]>([
    ['variance near zero', (s) => set(s['bn.running_var'], 2, 1e-9), [['bn', 'variance-near-zero', [2]]]],
    ['variance exploding', (s) => set(s['bn.running_var'], 1, 3e7), [['bn', 'variance-exploding', [1]]]],
    ['variance negative', (s) => set(s['bn.running_var'], 0, -0.5), [['bn', 'variance-negative', [0]]]],
    ['dead channels', (s) => void s['bn.weight'].narrow(0, 1, 2).fill_(1e-9), [['bn', 'weight-collapsed', [1, 2]]]],
    ['dead channels of a norm without averages', (s) => set(s['rmsnorm.weight'], 2, 0), [['rmsnorm', 'weight-collapsed', [2]]]],
    ['no batch seen', (s) => void s['bn.num_batches_tracked'].zero_(), [['bn', 'never-trained', null]]],
    [
      'averages never updated',
      (s) => {
        s['bn.running_mean'].zero_()
        s['bn.running_var'].fill_(1)
      },
      [['bn', 'never-updated', null]],
    ],
    [
      'NaN and infinity, in norms and beside them',
      (s) => {
        set(s['bn.running_mean'], 3, Number.NaN)
        set(s['group.bias'], 0, Number.POSITIVE_INFINITY)
        set(s['fc.bias'], 1, Number.NEGATIVE_INFINITY)
      },
      [
        ['bn', 'not-finite', [3]],
        ['group', 'not-finite', [0]],
        ['fc.bias', 'not-finite', [1]],
      ],
    ],
    ['a mean that drowns the deviation', (s) => set(s['bn.running_mean'], 2, 1e6), [['bn', 'eps-too-small', [2]]]],
    ['half of the averages', (s) => void delete s['bn.running_var'], [['bn', 'incomplete', null]]],
  ])('%s', (_, change, want) => {
    expect(brief(diagnose(changed(change)).findings)).toEqual(want)
  })

  it('says the figure, why it matters and what to do', () => {
    const [finding] = diagnose(changed((s) => set(s['bn.running_var'], 2, 1e-9))).findings
    expect(finding).toEqual({
      layer: 'bn',
      problem: 'variance-near-zero',
      figure: 'running_var down to 1e-9, eps 0.00001',
      channels: { indices: [2], of: 4 },
      why: expect.stringContaining('eps and not the variance decides'),
      fix: expect.stringContaining('dead units'),
    })
    // A smaller eps makes the same variance an ordinary one.
    expect(
      diagnose(
        changed((s) => set(s['bn.running_var'], 2, 1e-9)),
        { eps: 1e-12 },
      ).findings,
    ).toEqual([])
  })

  it("finds norms under any prefix, at the root, and in a bare layer's file", () => {
    const bare = new nn.BatchNorm1d(2)
    expect(brief(diagnose(bare.stateDict()).findings)).toEqual([['', 'never-trained', null]])
    expect(diagnose({ 'module.encoder.ln_f.weight': tensor([0, 1]) }).findings[0].layer).toBe('module.encoder.ln_f')
  })

  it('float16 and files without num_batches_tracked are read as they are', () => {
    const state = changed((s) => {
      delete s['bn.num_batches_tracked']
      for (const key of Object.keys(s)) s[key] = s[key].to('float16')
      s['bn.running_mean'].zero_()
      s['bn.running_var'].fill_(1)
    })
    expect(diagnose(state).findings.map((f) => f.figure)).toEqual(['mean exactly 0 and variance exactly 1'])
  })
})

describe('diagnose with data', () => {
  const inputOf = (model: nn.Sequential, x: Tensor): Tensor => noGrad(() => (model.getSubmodule('conv') as nn.Conv2d).forward(x))

  it('agrees where the averages describe the data, however few samples', () => {
    const model = trained()
    for (const n of [8, 16, 64]) {
      for (let seed = 0; seed < 20; seed++) {
        manualSeed(seed)
        expect(diagnose(model.stateDict(), { data: { bn: inputOf(model, randn([n, 1, 4, 4])) } }).findings).toEqual([])
      }
    }
  })

  it('sees another mean and another scale', () => {
    const model = trained()
    const shifted = inputOf(model, randn([64, 1, 4, 4]).mul(4).add(6))
    const [finding] = diagnose(model.stateDict(), { data: { bn: shifted } }).findings
    expect(finding.problem).toBe('disagrees-with-data')
    expect(finding.channels?.indices).toEqual([0, 1, 2, 3])
    expect(finding.figure).toMatch(/^the data's mean is up to [\d.]+ deviations off, its variance up to \d+(\.\d+)? times as large or small$/)
  })

  it('refuses data for other layers or sizes', () => {
    const state = trained().stateDict()
    expect(() => diagnose(state, { data: { nb: randn([2, 4]) } })).toThrow("the data have an input for 'nb', but the checkpoint has no norm of that name")
    expect(() => diagnose(state, { data: { group: randn([2, 4]) } })).toThrow("an input for 'group'")
    expect(() => diagnose(state, { data: { bn: randn([2, 5, 3]) } })).toThrow("the data's input for 'bn' must be [N, 4, ...], got [2, 5, 3]")
    expect(() => diagnose(state, { data: { bn: randn([7, 4]) } })).toThrow('has 7 samples, which say too little: give at least 8')
  })
})
