import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CheckpointError, type Loaded, load, loadSafetensors, SafetensorsError, save, Tensor } from '../../src/index.js'
import { Parameter } from '../../src/nn/parameter.js'
import { check, compare, type Errors, Mismatch } from './compare.js'
import type { Family, GoldenCase } from './data.js'
import type { Runner } from './kinds.js'

/** Every tensor of a safetensors file. */
export const runSafetensors: Runner = (family, c, errors) => {
  const tensors = loadSafetensors(readFileSync(join(family.folder, c.file ?? '')))
  for (const key of c.keys) compare(family, c, key, tensors[key.slice('value.'.length)], errors)
}

interface TensorStructure {
  tensor: number[]
  dtype: string
  stride: number[]
  offset: number
  parameter: boolean
  requires_grad: boolean
}

/** What a manifest says about a value of a checkpoint. */
type Structure =
  | TensorStructure
  | { dict: [string | number, Structure][] }
  | { list: Structure[] }
  | { tuple: Structure[] }
  | { Size: Structure[] }
  | { int: string }
  | { float: string }
  | { python: string; class: string }
  | { value: string | boolean | null }

/** Python values that are given as they print, in our terms. */
const printed: Readonly<Record<string, (text: string) => unknown>> = {
  dtype: (text) => text.replace('torch.', ''),
  device: (text) => /'(.*)'/.exec(text)?.[1],
  set: (text) => text.slice(1, -1).split(', ').map(Number),
  bytes: (text) => Array.from(text.slice(2, -1).matchAll(/\\x(..)|(.)/g), ([, hex, char]) => (hex ? Number.parseInt(hex, 16) : char.charCodeAt(0))),
}

function checkTensor(got: Tensor, want: TensorStructure, path: string): void {
  const found = {
    tensor: got.shape,
    dtype: got.dtype,
    stride: got.strides,
    offset: got.offset,
    parameter: got instanceof Parameter,
    requires_grad: got.requiresGrad,
  }
  const { tensor, dtype, stride, offset, parameter, requires_grad } = want
  // Without elements, strides say nothing.
  const strides = got.numel() === 0 ? got.strides : stride
  const expected = { tensor, dtype, stride: strides, offset, parameter, requires_grad }
  check(JSON.stringify(found) === JSON.stringify(expected), `${path} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

function checkStructure(got: Loaded | undefined, want: Structure, path: string, tensors: Map<string, Tensor>): void {
  const same = (found: unknown, expected: unknown) =>
    check(JSON.stringify(found) === JSON.stringify(expected), `${path} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
  if ('tensor' in want) {
    check(got instanceof Tensor, `${path} is no tensor`)
    checkTensor(got, want, path)
    tensors.set(path, got)
  } else if ('dict' in want) {
    check(got !== null && typeof got === 'object', `${path} is no object`)
    // Keys that are whole numbers come first in an object.
    same(Object.keys(got).sort(), want.dict.map(([key]) => String(key)).sort())
    for (const [key, value] of want.dict) checkStructure(Reflect.get(got, key), value, path ? `${path}.${key}` : String(key), tensors)
  } else if ('int' in want) same(String(got), want.int)
  else if ('float' in want) same(got, Number(want.float))
  else if ('python' in want) {
    const values = got instanceof Set || got instanceof Uint8Array ? [...got] : got
    same(values, printed[want.class]?.(want.python))
  } else if ('value' in want) same(got, want.value)
  else {
    const items = 'list' in want ? want.list : 'tuple' in want ? want.tuple : want.Size
    check(Array.isArray(got) && got.length === items.length, `${path} is no array of ${items.length}`)
    items.forEach((item, i) => {
      checkStructure(got[i], item, path ? `${path}.${i}` : String(i), tensors)
    })
  }
}

function checkContents(family: Family, c: GoldenCase, value: Loaded, errors: Errors): void {
  const tensors = new Map<string, Tensor>()
  checkStructure(value, c.structure as Structure, '', tensors)
  for (const key of c.keys) {
    const tensor = tensors.get(key.slice('value.'.length))
    check(tensor !== undefined, `${key} is missing`)
    compare(family, c, key, tensor, errors)
  }
  if (c.note?.includes('must still share it')) {
    const [a, b] = [...tensors.values()]
    check(a.storage === b.storage, 'the two weights share no memory')
  }
}

/** A file of torch.save: its structure, every tensor, and the same again after saving what was read. What has no place here is refused. */
export const runCheckpoint: Runner = (family, c, errors) => {
  const file = readFileSync(join(family.folder, c.file ?? ''))
  if (/refuse/.test(c.note ?? '')) return expectRefusal(() => load(file))
  const value = load<Loaded>(file)
  checkContents(family, c, value, errors)
  checkContents(family, c, load<Loaded>(save(value)), errors)
}

/** A file that must be refused. */
export const runHostile: Runner = (family, c) => {
  const file = readFileSync(join(family.folder, c.file ?? ''))
  expectRefusal(() => (c.file?.endsWith('.safetensors') ? loadSafetensors(file) : load(file)))
}

function expectRefusal(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    check(error instanceof SafetensorsError || error instanceof CheckpointError, `got ${String(error)}`)
    return
  }
  throw new Mismatch('was not refused')
}
