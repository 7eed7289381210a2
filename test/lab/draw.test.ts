import { describe, expect, test } from 'vitest'
import type { Drawn, DrawOptions } from '../../lab/draw/drawing.js'
import { draw } from '../../lab/draw.js'
import { runTrial } from '../../lab/training/trial.js'
import { runSettings } from '../../lab/workbench/settings.js'
import { defaultsOf } from '../../src/experiments/settings.js'
import { manualSeed, nn, randn } from '../../src/index.js'

/** What `evenkeel draw` makes of each kind of address. */

const drawn = (address: string, options: Partial<DrawOptions> = {}): Promise<Drawn> =>
  draw(address, { steps: 12, signal: new AbortController().signal, onProgress: () => {}, ...options })

/** Rows of a CSV by the names of its columns, numbers as such. */
function rowsOf(csv: string): Record<string, string | number>[] {
  const [header, ...lines] = csv
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  return lines.map((cells) => Object.fromEntries(cells.map((cell, i) => [header[i], cell !== '' && Number.isFinite(Number(cell)) ? Number(cell) : cell])))
}

const names = ({ drawings }: Drawn): string[] => drawings.map(({ name }) => name)
const file = ({ drawings }: Drawn, name: string) => {
  const found = drawings.find((one) => one.name === name)
  if (!found) throw new Error(`${name} is not among ${drawings.map((one) => one.name).join(', ')}`)
  return found
}

/** A picture on its own: one svg element with a size, and every other element closed. */
function expectPicture(svg: string): void {
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="[\d.]+" height="[\d.]+"/)
  expect(svg).not.toMatch(/NaN|undefined/)
  for (const name of ['svg', 'g', 'text']) expect(svg.match(new RegExp(`<${name}[ >]`, 'g'))?.length).toBe(svg.match(new RegExp(`</${name}>`, 'g'))?.length)
}

describe('the axes', () => {
  test('every cell with its statistic: the numbers of the layer', async () => {
    const made = await drawn('http://127.0.0.1:4173/#/?norm=group&n=2&c=4&h=2&w=3&groups=2')
    expect(names(made)).toEqual(['groupnorm-before', 'groupnorm-after'])
    for (const { svg } of made.drawings) expectPicture(svg)
    const before = file(made, 'groupnorm-before')
    expect(before.svg).toContain('4 statistics of 12 values: one for each N, group, over C within the group, H, W')
    const rows = rowsOf(before.csv)
    expect(rows).toHaveLength(48)
    expect(Object.keys(rows[0])).toEqual(['N', 'C', 'H', 'W', 'statistic', 'mean', 'variance', 'before', 'normalised', 'after'])
    expect(rows[47]).toMatchObject({ N: 2, C: 4, H: 2, W: 3, statistic: 4 })
    // Means and variances from the cells themselves.
    for (const statistic of [1, 2, 3, 4]) {
      const members = rows.filter((row) => row.statistic === statistic)
      const values = members.map((row) => Number(row.before))
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
      expect(values).toHaveLength(12)
      expect(members[0].mean).toBeCloseTo(mean, 12)
      expect(members[0].variance).toBeCloseTo(variance, 12)
      for (const row of members) expect(row.after).toBeCloseTo((Number(row.before) - mean) / Math.sqrt(variance + 1e-5), 10)
    }
    // A number in each cell, and the edges of the groups.
    expect(before.svg.match(/<rect/g)).toHaveLength(48)
  })

  test('normalizedShape is what is usual for the input where the address does not say', async () => {
    const statistics = async (address: string) => new Set(rowsOf((await drawn(address)).drawings[0].csv).map((row) => row.statistic)).size
    expect(await statistics('#/?norm=layer&input=table&n=3&c=4')).toBe(3)
    expect(await statistics('#/?norm=layer&input=sequence&n=2&l=5&c=4')).toBe(10)
    expect(await statistics('#/?norm=layer&n=2')).toBe(2)
    expect(await statistics('#/?norm=layer&input=table&n=3&c=4&trailing=2')).toBe(1)
  })

  test('a block that the layer refuses is refused in its words', async () => {
    manualSeed(0)
    const layers = () => new nn.BatchNorm1d(2).forward(randn([1, 2]))
    expect(layers).toThrow('Expected more than 1 value per channel when training')
    await expect(drawn('#/?norm=batch&input=table&n=1&c=2')).rejects.toThrow('Expected more than 1 value per channel when training')
  })
})

describe('studies', () => {
  test('the grid: each cell is the run that the page opens for it', async () => {
    const made = await drawn('#/studies/grid?data=spirals&depth=2&norm=none,batch&activation=relu,tanh&lr=0.1,30')
    expect(names(made)).toEqual(['relu-test-data-right-after-50-steps', 'tanh-test-data-right-after-50-steps'])
    const { svg, csv } = made.drawings[0]
    expectPicture(svg)
    const rows = rowsOf(csv)
    expect(rows.map((row) => `${row.norm} ${row['learning rate']}`)).toEqual(['no norm 0.1', 'no norm 30', 'BatchNorm 0.1', 'BatchNorm 30'])
    const run = { ...defaultsOf(runSettings), norm: 'batch', activation: 'relu', learningRate: 0.1 } as const
    const { evaluation } = await runTrial({ data: 'spirals', network: 'mlp', depth: 2, seed: 0, ...run }, 50)
    expect(rows[2]['test accuracy']).toBe(evaluation?.testAccuracy)
    expect(svg).toContain(`>${Math.round(100 * (evaluation?.testAccuracy ?? Number.NaN))}</text>`)
    expect(svg.match(/<rect/g)).toHaveLength(4)
  })

  test('batch sizes: nine charts, and what the layer says to a batch of one', async () => {
    const made = await drawn('#/studies/batch-size?data=spirals&samples=128&depth=1')
    expect(names(made)).toEqual([...[1, 2, 4, 8, 16, 32, 64, 128].map((size) => `batch-size-${size}`), 'test-data-right-in-eval-at-the-end'])
    for (const { svg } of made.drawings) expectPicture(svg)
    expect(made.notes).toEqual(['batch, batch size 1: Expected more than 1 value per channel when training, got input size torch.Size([1, 64])'])
    const accuracy = rowsOf(file(made, 'test-data-right-in-eval-at-the-end').csv)
    expect(accuracy.filter((row) => row.series === 'BatchNorm').map((row) => row['batch size'])).toEqual([2, 4, 8, 16, 32, 64, 128])
    expect(accuracy.filter((row) => row.series === 'LayerNorm')).toHaveLength(8)
  })

  test('running averages: as many steps as are asked for', async () => {
    const made = await drawn('#/studies/averages?data=spirals&momentum=0.5', { steps: 25 })
    expect(names(made)).toEqual([
      'loss-of-the-same-samples',
      'mean-of-channel-0-block-0',
      'mean-of-each-channel-block-0-step-17',
      'variance-of-each-channel-block-0-step-17',
    ])
    for (const { svg } of made.drawings) expectPicture(svg)
    expect(rowsOf(made.drawings[0].csv).map((row) => row.step)).toEqual([1, 10, 25, 1, 10, 25])
  })

  test('one that is interrupted draws what there is', async () => {
    const controller = new AbortController()
    const made = await drawn('#/studies/grid?data=spirals&depth=1&norm=none&activation=relu&lr=0.1,0.2,0.3', {
      signal: controller.signal,
      onProgress: (share) => share > 0 && controller.abort(),
    })
    expect(rowsOf(made.drawings[0].csv)).toHaveLength(2)
  })
})

describe('lessons, and files of one’s own', () => {
  test('a lesson is drawn as the experiment that it runs', async () => {
    const made = await drawn('#/lessons/stack')
    expect(made.drawings.length).toBeGreaterThan(0)
    await expect(drawn('#/lessons/nowhere')).rejects.toThrow('there is no lesson nowhere: there are')
  })

  const table = Array.from({ length: 40 }, (_, i) => `${(i % 7) - 3},${(i % 5) - 2},${(i % 7) + (i % 5) > 5 ? 'much' : 'little'}`).join('\n')

  test('the workbench trains on a table that is given', async () => {
    const own = [{ path: 'rows.csv', contents: new Blob([table]) }]
    const made = await drawn('#/workbench?data=own&network=mlp&runs=1&run1=batch-size:8', { own })
    const losses = rowsOf(file(made, 'training-loss').csv)
    expect(losses).toHaveLength(12)
    expect(losses[0].value).toBeGreaterThan(0)
    // Two classes: what is not learned yet is worth about log 2.
    expect(Math.abs(Number(losses[0].value) - Math.log(2))).toBeLessThan(0.5)
    await expect(drawn('#/workbench?data=own', { own })).rejects.toThrow('this data asks for network=mlp')
    await expect(drawn('#/workbench?data=own')).rejects.toThrow('give them with --data')
    const other = await drawn('#/workbench?preset=spirals&runs=1', { own, steps: 1 })
    expect(other.notes).toEqual(['The address is not of files of one’s own (data=own): --data is left out.'])
  })
})

test('what has no figures says so', async () => {
  await expect(drawn('#/advise')).rejects.toThrow('advice is words')
  await expect(drawn('#/studies/xyz')).rejects.toThrow('there is no study xyz: there are grid, batch-size, averages')
  await expect(drawn('#/nowhere')).rejects.toThrow('the address has no figures to draw')
  await expect(drawn('nothing')).rejects.toThrow('the address has no figures to draw')
})
