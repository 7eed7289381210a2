import { encode } from 'fast-png'
import { describe, expect, test } from 'vitest'
import { benchData } from '../../lab/training/data.js'
import { decodeLines, type OwnFile, parseTable, parseText, readOwn, shrunk } from '../../lab/training/own.js'
import { Session } from '../../lab/training/session.js'
import { benchSettings, runSettings } from '../../lab/workbench/settings.js'
import { defaultsOf } from '../../src/experiments/settings.js'

const file = (path: string, contents: BlobPart): OwnFile => ({ path, contents: new Blob([contents]) })

describe('a table of one’s own', () => {
  const rows = (n: number) => Array.from({ length: n }, (_, i) => `${i},${i % 3},${i % 2 ? 'odd' : 'even'}`)
  test('is read with and without names', () => {
    const table = parseTable(['a,b,class', ...rows(12)].join('\n'))
    expect(table).toMatchObject({ kind: 'table', input: [2], classNames: ['even', 'odd'] })
    expect([...table.labels.slice(0, 3)]).toEqual([0, 1, 0])
    expect([...parseTable(rows(12).join('\r\n')).values]).toEqual([...table.values])
  })

  test.each([
    [[...rows(10), '1,x,odd'], 'Line 11, column 2: “x” is not a number.'],
    [[...rows(10), '1,2,3,odd'], 'Line 11: 4 columns, where the first row of numbers has 3.'],
    [[...rows(10), '1,2,'], 'Line 11: the last column, which names the class, is empty.'],
    [rows(3), 'The table has 3 rows of numbers; at least 10 are needed.'],
    [rows(20).map((row) => row.replace('odd', 'even')), 'Every row has the same class'],
  ])('a broken one names the line', async (lines, message) => {
    expect(() => parseTable(lines.join('\n'))).toThrow(message)
    await expect(readOwn([file('mine.csv', lines.join('\n'))])).rejects.toThrow(`mine.csv: ${message}`)
  })

  test('columns are brought to mean 0 and deviation 1 by what is trained on, and every fifth row is kept', async () => {
    const { train, test: held } = await benchData({ data: 'own' }, parseTable(rows(50).join('\n')))
    expect([train.length, held.length]).toEqual([40, 10])
    const [inputs] = train.tensors
    for (const mean of inputs.mean(0).toTypedArray()) expect(Number(mean)).toBeCloseTo(0, 6)
    for (const deviation of inputs.std(0, { correction: 0 }).toTypedArray()) expect(Number(deviation)).toBeCloseTo(1, 6)
  })
})

describe('a text of one’s own', () => {
  test('is the next character after each eight', () => {
    const { input, values, labels, classNames } = parseText(`${'Abc '.repeat(60)}`)
    expect(classNames).toEqual([' ', 'a', 'b', 'c'])
    expect(input).toEqual([32])
    expect([...labels.slice(0, 5)]).toEqual([1, 2, 3, 0, 1])
    // Of the first window: abc abc, a one for each place.
    expect(Array.from({ length: 8 }, (_, place) => values.subarray(4 * place, 4 * place + 4).indexOf(1))).toEqual([1, 2, 3, 0, 1, 2, 3, 0])
    expect(values.subarray(0, 32).reduce((a, b) => a + b)).toBe(8)
  })

  test('that is no text names the line, and one that is too short says so', async () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('one\ntwo\nthr'), 0xff, 0x0a])
    expect(() => decodeLines(bytes)).toThrow('Line 3: not UTF-8 text.')
    await expect(readOwn([file('notes.txt', bytes)])).rejects.toThrow('notes.txt: Line 3: not UTF-8 text.')
    await expect(readOwn([file('notes.txt', 'short')])).rejects.toThrow('notes.txt: The text has 5 characters; at least 200 are needed.')
  })
})

describe('images of one’s own', () => {
  const picture = (value: number, size = 14) => encode({ width: size, height: size, data: new Uint8Array(size * size).fill(value), channels: 1 }).slice()
  const images = (name: (i: number) => string) => Array.from({ length: 12 }, (_, i) => file(name(i), picture(i * 20)))

  test('their folders name the classes, and without folders the beginnings of their names', async () => {
    const folders = await readOwn(images((i) => `${i % 2 ? 'dark' : 'bright'}/${i}.png`))
    expect(folders).toMatchObject({ kind: 'pictures', input: [1, 28, 28], classNames: ['bright', 'dark'] })
    // In the order of the paths: bright/0, bright/10, bright/2, ...
    expect([...folders.labels]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    expect(folders.values[0]).toBe(0)
    expect(folders.values[28 * 28]).toBeCloseTo(200 / 255, 6)
    expect((await readOwn(images((i) => `${i % 2 ? 'dark' : 'bright'}-${i}.png`))).classNames).toEqual(['bright', 'dark'])
  })

  test('a pixel of the picture is the mean of what it covers, whatever the sizes', () => {
    const width = 42
    const values = Float32Array.from({ length: width * 7 }, (_, i) => (i % width) / (width - 1))
    const grey = shrunk({ width, height: 7, channels: 1, values })
    // A ramp stays a ramp: 1.5 columns of 42 for one of 28, four rows of 28 for one of 7.
    for (let x = 1; x < 28; x++) expect(grey[x] - grey[x - 1]).toBeCloseTo(1.5 / 41, 1)
    expect(grey.reduce((a, b) => a + b) / grey.length).toBeCloseTo(0.5, 5)
    expect(shrunk({ width: 1, height: 1, channels: 3, values: Float32Array.of(1, 0, 0) })[400]).toBeCloseTo(0.299, 6)
  })

  test('a broken one is named', async () => {
    const files = [...images((i) => `${i % 2 ? 'dark' : 'bright'}/${i}.png`), file('dark/broken.png', 'no image')]
    await expect(readOwn(files)).rejects.toThrow(/^dark\/broken\.png: not a PNG image that can be read: /)
    await expect(readOwn([file('a.jpg', 'x')])).rejects.toThrow('a.jpg: images must be PNG')
    await expect(readOwn(files.slice(0, 3))).rejects.toThrow('There are 3 PNG images; at least 10 are needed.')
  })

  test('are learned', async () => {
    const own = await readOwn(images((i) => `${i < 6 ? 'dark' : 'bright'}-${i}.png`))
    const config = { ...defaultsOf(benchSettings), ...defaultsOf(runSettings), data: 'own' as const, depth: 2, batchSize: 4 }
    const session = new Session(config, await benchData(config, own))
    const losses = Array.from({ length: 30 }, () => session.next().record.loss)
    expect(losses[29]).toBeLessThan(losses[0] / 2)
  })
})
