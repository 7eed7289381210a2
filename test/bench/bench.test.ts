import { describe, expect, test } from 'vitest'
import { interleave, summary } from '../../bench/measure.js'
import { defaultPeers, readOptions, UsageError } from '../../bench/options.js'
import type { Jax } from '../../bench/peers.js'
import { withSpeeds } from '../../bench/report.js'
import { measure } from '../../bench/run.js'
import { jsonOf, rate, ratio, timing } from '../../bench/text.js'
import type { Contestant, Workload } from '../../bench/workload.js'

const always = (ms: number, ...result: number[]): Contestant => ({
  times: (calls) => Array.from({ length: calls }, () => ms),
  result: () => [Float32Array.from(result)],
})

describe('timing', () => {
  test('a summary is the median, the least, and half the distance between the 10th and 90th percentile over the median', () => {
    const times = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(summary(times)).toEqual({ median: 51, min: 1, spread: (91 - 11) / 2 / 51, samples: 100 })
  })

  test('contestants take turns, and the first call of a turn of several does not count', async () => {
    const order: string[] = []
    const contestant = (name: string, ms: number) => ({
      times: (calls: number) => {
        order.push(name)
        return Array.from({ length: calls }, (_, i) => (i === 0 && calls > 1 ? 1000 : ms))
      },
    })
    const { a, b } = await interleave({ a: contestant('a', 1), b: contestant('b', 3) }, 0.01)
    expect([a?.median, a?.spread, b?.median]).toEqual([1, 0, 3])
    expect(order.slice(4, 10)).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  })

  test('what is interrupted keeps what it has', async () => {
    let turns = 0
    const { only } = await interleave({ only: always(2) }, 3600, () => turns++ === 2)
    expect(only?.median).toBe(2)
  })
})

describe('a row', () => {
  const workload = (theirs: readonly number[]): Workload => ({
    name: 'made_up',
    description: '',
    bytes: 8e6,
    copy: 4e6,
    ours: () => always(2, 1, 2, 4),
    torch: '',
    jax: () => always(6, ...theirs),
    without: {},
  })
  const peers = { jax: {} as Jax, missing: null }
  const never = () => false

  test('has medians, the rate, and its share of what the machine copies', async () => {
    const row = await measure(workload([1, 2, 4.001]), 2, peers, 0.01, never)
    if (!row) throw new Error('no row')
    expect([row.own.median, row.peers.jax?.median, row.rate?.value, row.rate?.unit]).toEqual([2, 6, 4, 'GB/s'])
    expect(row.rate?.share).toBeGreaterThan(0)
    expect([timing(row.own), ratio(row.peers.jax, row.own)]).toEqual(['2.00 ms ±0%', '3.00x (3.00)'])
    expect(rate(row.rate)).toMatch(/^4\.00 GB\/s, \d+% \(\d+%\)$/)
    const entry = { name: 'made_up', threads: 2, ms: 2, peers: { jax: 6, tfjs: null, torch: null } }
    expect(JSON.parse(jsonOf([row], defaultPeers))).toEqual({ rows: [entry] })
  })

  test('is refused where a peer computes something else', async () => {
    await expect(measure(workload([1, 2, 4.01]), 1, peers, 0.01, never)).rejects.toThrow(
      /^made_up: jax-js gives other numbers than Evenkeel \(array 0: largest difference 0\.0100\d*, largest value 4\)$/,
    )
    await expect(measure(workload([1, 2, Number.NaN]), 1, peers, 0.01, never)).rejects.toThrow('gives other numbers')
    await expect(measure(workload([1, 2]), 1, peers, 0.01, never)).rejects.toThrow('array 0 has 2 elements, not 3')
  })
})

describe('options', () => {
  test('choose workloads by name or beginning, and peers', () => {
    const { chosen, peers } = readOptions(['--only', 'matmul_512_fwd,softmax', '--peers', 'torch,jax'])
    expect([chosen.map((w) => w.name), peers]).toEqual([
      ['matmul_512_fwd', 'softmax_256x1024'],
      ['torch', 'jax'],
    ])
    expect(readOptions([]).peers).toEqual(['jax', 'tfjs', 'torch'])
    expect(readOptions(['--peers', '']).peers).toEqual([])
    expect([readOptions([]).threads, readOptions(['--threads', '1,2']).threads]).toEqual([[1], [1, 2]])
  })

  test.each([
    [['--only', 'matmull_512_fwd'], "unknown workload 'matmull_512_fwd', did you mean 'matmul_512_fwd'?"],
    [['--peers', 'tf'], "unknown peer 'tf', did you mean 'tfjs'?"],
    [['--threads', '1,two'], "--threads must be numbers such as 1,2, got '1,two'"],
    [['--threads', ''], "--threads must be numbers such as 1,2, got ''"],
    [['--report', '--threads', '2'], '--report measures one thread, and then what two give, so it takes no --threads'],
    [['--seconds', '0'], "--seconds must be a positive number, got '0'"],
    [['--report', '--only', 'gelu'], '--report writes about all workloads, so it takes no --only'],
  ])('%s', (args, message) => {
    expect(() => readOptions(args)).toThrow(new UsageError(message))
  })
})

test('README takes the workloads that it shows, in its order, and leaves the rest of the page alone', () => {
  const timing = (median: number) => ({ median, min: median, spread: 0, samples: 2 })
  const workload = (name: string): Workload => ({ name, description: `what ${name} is, forward and backward`, ours: () => always(1) })
  const rows = [
    { workload: { ...workload('cnn_bn_step'), without: { tfjs: 'no gradient' } }, threads: 1, own: timing(10), peers: { jax: timing(1234), torch: timing(8) } },
    { workload: workload('adam_1M'), threads: 1, own: timing(1), peers: {} },
    { workload: workload('ln_256x1024'), threads: 1, own: timing(0.25), peers: { tfjs: timing(5) } },
  ]
  const text = withSpeeds('a\n\n<!-- speeds: x -->\n\nold | $1\n\n<!-- /speeds -->\n\nb', rows)
  expect(text.split('\n')).toEqual([
    'a',
    '',
    '<!-- speeds: x -->',
    '',
    '| forward and backward | Evenkeel, ms | jax-js | tfjs-wasm | PyTorch |',
    '| --- | --- | --- | --- | --- |',
    '| what ln_256x1024 is | 0.25 | - | 20.0 | - |',
    '| what cnn_bn_step is | 10.0 | 123 | cannot | 0.80 |',
    '',
    '<!-- /speeds -->',
    '',
    'b',
  ])
  expect(() => withSpeeds('no marks', rows)).toThrow('no marks')
})
