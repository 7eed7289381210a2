import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ValueError } from '../../src/core/errors.js'
import { decodeDigits, loadDigits } from '../../src/data/digits.js'

const path = new URL('../../data/digits/mnist-5000-1000.bin.gz', import.meta.url)
const file = new Uint8Array(readFileSync(path))
const contents = new Uint8Array(gunzipSync(file))
const readme = readFileSync(new URL('README.md', path), 'utf8')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('the file', () => {
  it('has the hashes that its README names, and its licence beside it', () => {
    expect(readme).toContain(sha256(file))
    expect(readme).toContain(sha256(contents))
    expect(readFileSync(new URL('LICENSE.md', path), 'utf8')).toContain('https://creativecommons.org/licenses/by-sa/3.0/legalcode')
  })

  it('holds the digits: counts of the classes, mean and deviation of MNIST', async () => {
    const { train, test } = await decodeDigits(file)
    expect([train.count, train.rows, train.columns, train.pixels.length, train.labels.length]).toEqual([5000, 28, 28, 5000 * 784, 5000])
    expect([test.count, test.pixels.length, test.labels.length]).toEqual([1000, 784000, 1000])
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    expect([...test.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    const counts = new Array(10).fill(0)
    for (const label of train.labels) counts[label]++
    expect(Math.min(...counts)).toBe(434)
    expect(Math.max(...counts)).toBe(563)
    const mean = train.pixels.reduce((sum, v) => sum + v, 0) / train.pixels.length
    const std = Math.sqrt(train.pixels.reduce((sum, v) => sum + (v - mean) ** 2, 0) / train.pixels.length)
    expect(mean / 255).toBeCloseTo(0.1307, 2)
    expect(std / 255).toBeCloseTo(0.3081, 2)
  })
})

describe('decodeDigits', () => {
  it('also takes a file that a server has decompressed', async () => {
    expect((await decodeDigits(contents)).test.labels[0]).toBe(7)
  })

  it('refuses a file that is cut off or damaged', async () => {
    const changed = file.slice()
    changed[500_000] ^= 1
    const label = contents.slice()
    label[20 + 5000 * 784 + 3] = 10
    const cases: [Uint8Array, RegExp][] = [
      [file.subarray(0, 700_000), /cut off or changed/],
      [changed, /cut off or changed/],
      [new Uint8Array([...file, 1]), /cut off or changed/],
      [new Uint8Array(0), /does not begin with EKD1/],
      [new TextEncoder().encode('<!doctype html>'), /does not begin with EKD1/],
      [contents.subarray(0, 12), /ends within its header, after 12 bytes/],
      [contents.subarray(0, 4_000_000), /it has 4000000 bytes, expected 4710020 for 5000 \+ 1000 images of 28 x 28/],
      [label, /label 3 is 10/],
    ]
    for (const [bytes, text] of cases) {
      const error = await decodeDigits(bytes).catch((e) => e)
      expect(error).toBeInstanceOf(ValueError)
      expect(error.message).toMatch(text)
      expect(error.message).toMatch(/^the file of digits is damaged: /)
    }
    await expect(decodeDigits('text' as never)).rejects.toThrow(TypeError)
  })
})

describe('loadDigits', () => {
  it('normalises as torchvision does', async () => {
    const { train, test } = await loadDigits()
    expect([train.length, test.length]).toEqual([5000, 1000])
    const [images, labels] = train.tensors
    expect([images.shape, images.dtype, labels.shape, labels.dtype]).toEqual([[5000, 1, 28, 28], 'float32', [5000], 'int64'])
    const raw = (await decodeDigits(file)).train
    // torchvision.transforms: ToTensor, Normalize((0.1307,), (0.3081,)) of pixels 0, 1, 3, 253 and 255
    const expected = new Map([
      [0, -0.4242129623889923],
      [1, -0.4114847183227539],
      [3, -0.3860282599925995],
      [253, 2.796030282974243],
      [255, 2.821486711502075],
    ])
    const seen = new Set<number>()
    const { data } = images
    for (let i = 0; i < raw.pixels.length; i++) {
      const want = expected.get(raw.pixels[i])
      if (want === undefined) continue
      seen.add(raw.pixels[i])
      if (data[i] !== want) expect(data[i]).toBe(want)
    }
    expect(seen.size).toBe(expected.size)
    expect(Array.from(labels.data.subarray(0, 5), Number)).toEqual([5, 0, 4, 1, 9])
  })

  it('makes 14 x 14 images of the means of 2 x 2 pixels', async () => {
    const { test } = await loadDigits({ size: 14 })
    const [images] = test.tensors
    expect(images.shape).toEqual([1000, 1, 14, 14])
    const { pixels } = (await decodeDigits(file)).test
    let ink = 0
    for (const [image, y, x] of [
      [0, 7, 7],
      [3, 5, 9],
      [999, 10, 6],
      [500, 0, 13],
    ]) {
      const at = image * 784 + 2 * y * 28 + 2 * x
      const mean = (pixels[at] + pixels[at + 1] + pixels[at + 28] + pixels[at + 29]) / 4
      ink += mean
      expect(images.data[image * 196 + y * 14 + x]).toBeCloseTo((mean / 255 - 0.1307) / 0.3081, 5)
    }
    expect(ink).toBeGreaterThan(0)
  })

  it('takes the bytes, and says what is wrong with a source', async () => {
    expect((await loadDigits({ source: file, size: 14 })).train.length).toBe(5000)
    await expect(loadDigits({ size: 20 as never })).rejects.toThrow('size must be 28 or 14, got 20')
    await expect(loadDigits({ sise: 14 } as never)).rejects.toThrow("Did you mean 'size'?")
    await expect(loadDigits({ source: new URL('none.gz', path) })).rejects.toThrow(/can't read file:.*none\.gz: ENOENT/)
    await expect(loadDigits({ source: 'data:,nothing' })).rejects.toThrow('does not begin with EKD1')
  })
})
