import { describe, expect, test } from 'vitest'
import { benchData } from '../../lab/training/data.js'
import { Session } from '../../lab/training/session.js'
import { benchCode } from '../../lab/workbench/code.js'
import { pytorchScript } from '../../lab/workbench/script.js'
import { readBench } from '../../lab/workbench/state.js'

/** Keys of a state dict that a layer written in Python has. */
function keysOf(layer: string): string[] {
  if (/^nn\.BatchNorm/.test(layer)) return ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
  if (/^nn\.(Linear|Conv2d|LayerNorm|GroupNorm|InstanceNorm)/.test(layer)) return ['weight', 'bias']
  return /^nn\.RMSNorm/.test(layer) ? ['weight'] : []
}

/** `named(a=nn.X(1, 2), b=nn.Y())` as pairs. */
const layersOf = (text: string): [string, string][] =>
  [...text.matchAll(/(\w+)=(nn\.\w+\([^()]*(?:\([^()]*\)[^()]*)*\))/g)].map(([, name, layer]) => [name, layer])

const addresses = [
  'preset=spirals',
  'preset=digits',
  'preset=deep',
  'data=digits28&depth=3&run1=norm:group;place:after&run2=norm:instance;activation:gelu&run3=norm:batch;momentum:none',
  'data=digits14&network=mlp&depth=2&run1=norm:rms;activation:tanh',
]

describe('the run as a PyTorch script', () => {
  test.each(addresses)('%s: has the network of the run, with its keys, and its settings', async (query) => {
    const { state } = readBench(new Map(new URLSearchParams(query)), 'digits')
    const data = await benchData(state.bench, null)
    for (const run of state.runs) {
      const script = pytorchScript(state.bench, run, { steps: 7, address: 'http://127.0.0.1/#/workbench', own: null })
      const body = script.slice(script.indexOf('model = named('), script.indexOf('\noptimizer = '))
      const blocks = body.match(/^ {8}named\(.*\),$/gm) ?? []
      const layers = [...blocks.flatMap((line, i) => layersOf(line).map(([name, layer]) => [`blocks.${i}.${name}`, layer])), ...layersOf(body).slice(-1)]
      const keys = layers.flatMap(([name, layer]) => keysOf(layer).map((key) => `${name}.${key}`))
      // In the order of the layers, which is not that of a block's fields where the norm comes last.
      expect(keys.sort()).toEqual(Object.keys(new Session({ ...state.bench, ...run }, data).stateDict()).sort())
      // The lines of the code on the page are those of the script.
      for (const [, layer] of layers) expect(benchCode(state.bench, run).torch).toContain(layer)
      expect(script).toContain(`torch.manual_seed(${state.bench.seed})\nmodel = `)
      expect(script).toContain(`lr=${run.learningRate})`)
      expect(script).toContain(`\nbatches = endless(${run.batchSize})\n`)
      expect(script).not.toContain('CHANGES')
      expect(script).toContain('STEPS = 7\n')
    }
  })

  test('every bracket closes, every block is indented by fours, and nothing is left to fill in', () => {
    for (const query of addresses) {
      const { state } = readBench(new Map(new URLSearchParams(query)), 'digits')
      const script = pytorchScript(state.bench, state.runs[0], { steps: 7, address: 'x', own: null })
      const code = script.replace(/#.*$/gm, '').replace(/'[^'\n]*'/g, "''")
      for (const [open, close] of ['()', '[]', '{}']) expect(code.split(open).length).toBe(code.split(close).length)
      for (const [indent] of code.matchAll(/^ +/gm)) expect(indent.length % 4).toBe(0)
      expect(script).not.toMatch(/undefined|NaN|features|classes\b/)
    }
  })

  test('of one’s own data: the sizes are those of the data, which come by file', () => {
    const { state } = readBench(
      new Map([
        ['data', 'own'],
        ['network', 'mlp'],
      ]),
      'digits',
    )
    const own = { input: [5], classNames: ['a', 'b', 'c'] }
    const script = pytorchScript(state.bench, state.runs[0], { steps: 7, address: 'x', own })
    expect(script).toContain('linear=nn.Linear(5, 64)')
    expect(script).toContain('fc=nn.Linear(64, 3)')
    expect(script).toContain('safetensors.torch.load_file(sys.argv[1])')
  })
})
