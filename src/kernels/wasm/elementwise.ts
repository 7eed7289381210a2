import { broadcastStrides, contiguousStrides, isContiguous, numelOf, type Shape, sameShape } from '../../core/shape.js'
import type { BinaryOp, Kernels, UnaryOp, View } from '../contract.js'
import { reference } from '../reference/index.js'
import { copyElements } from './copy.js'
import { argument, hasKernel, launch, withScratch } from './launch.js'
import type { KernelName } from './loader.js'
import { address, blocksOf, isFloat32, joinAxes } from './views.js'

/** The operations that have a kernel; a kernel has its operation's name. */
type UnaryKernel = UnaryOp & KernelName
type BinaryKernel = BinaryOp & KernelName
const isUnaryKernel = (op: UnaryOp): op is UnaryKernel => hasKernel(op)
const isBinaryKernel = (op: BinaryOp): op is BinaryKernel => hasKernel(op)

const none: readonly number[] = []

/** Parameters as the kernels take them: three, absent ones 0; the alpha of add and sub is 1 unless given. */
const parameter = (params: readonly number[], i: number, absent = 0): number => params[i] ?? absent

function unary(op: UnaryOp, x: View, target: View, params: readonly number[] = none): void {
  if (!isFloat32(x) || !isFloat32(target) || !isUnaryKernel(op)) return reference.unary(op, x, target, params)
  const { shape } = target
  const n = numelOf(shape)
  const run = (from: number, to: number) => launch(op, blocksOf(n), from, to, parameter(params, 0), parameter(params, 1), parameter(params, 2), n)
  if (isContiguous(shape, target.strides) && isContiguous(x.shape, x.strides)) return run(address(x), address(target))
  const { sizes, strides } = joinAxes(shape, [target.strides, x.strides])
  if (sizes.length <= 1 && (strides[0][0] ?? 1) === 1 && (strides[1][0] ?? 1) === 1) return run(address(x), address(target))
  if (isContiguous(shape, target.strides)) {
    copyElements(address(x), x.strides, address(target), target.strides, shape, 4)
    return run(address(target), address(target))
  }
  withScratch(op, n * 4, (ptr) => {
    const contiguous = contiguousStrides(shape)
    copyElements(address(x), x.strides, ptr, contiguous, shape, 4)
    run(ptr, ptr)
    copyElements(ptr, contiguous, address(target), target.strides, shape, 4)
  })
}

/** What a kernel of several operands reads or writes, seen in the target's shape: an address, strides, bytes of an element. */
interface Operand {
  readonly ptr: number
  readonly strides: Shape
  readonly bytes: 1 | 4
}

const numberStrides = (shape: Shape): number[] => new Array<number>(shape.length).fill(0)

/** @param slot where a number is put for the kernel to read; one for each operand. */
function operandOf(x: View | number, shape: Shape, slot: number): Operand {
  if (typeof x === 'number') return { ptr: argument(slot, x), strides: numberStrides(shape), bytes: 4 }
  const bytes = x.dtype === 'float32' ? 4 : 1
  return { ptr: address(x, bytes), strides: sameShape(x.shape, shape) ? x.strides : broadcastStrides(x.shape, x.strides, shape), bytes }
}

interface Runs {
  readonly inner: number
  readonly middle: number
  /** [inner, middle, outer] of each operand, the target first. */
  readonly strides: readonly number[][]
}

/** The operands as [outer, middle, inner] where each is contiguous or repeats along `inner`; null where they don't fit that. */
function runsOf(shape: Shape, operands: readonly Operand[]): Runs | null {
  const { sizes, strides } = joinAxes(
    shape,
    operands.map((o) => o.strides),
  )
  if (sizes.length > 3) return null
  const inner = strides.map((s) => s[0] ?? 1)
  if (inner[0] !== 1 || inner.some((s) => s !== 0 && s !== 1) || inner.slice(1).every((s) => s === 0)) return null
  return { inner: sizes[0] ?? 1, middle: sizes[1] ?? 1, strides: strides.map((s, k) => [inner[k], s[1] ?? 0, s[2] ?? 0]) }
}

/**
 * Calls `run` with addresses and runs of all operands, the target first. Operands whose layout the kernels don't know are copied, and the
 * result of such a target.
 */
function inRuns(owner: string, shape: Shape, operands: readonly Operand[], run: (ptrs: readonly number[], runs: Runs) => void): void {
  const runs = runsOf(shape, operands)
  if (runs) {
    run(
      operands.map((o) => o.ptr),
      runs,
    )
    return
  }
  const n = numelOf(shape)
  const room = Math.ceil(n / 4) * 16
  const contiguous = contiguousStrides(shape)
  const repeats = (o: Operand) => o.strides.every((s) => s === 0)
  // One operand at least must be an array: the kernels read the first of two repeated elements as one.
  const isCopied = (o: Operand, k: number) => (repeats(o) ? k === 1 && operands.slice(1).every(repeats) : !isContiguous(shape, o.strides))
  withScratch(owner, room * operands.filter(isCopied).length, (ptr) => {
    let free = ptr
    const dense = operands.map((o, k): Operand => {
      if (!isCopied(o, k)) return o
      const copy = { ptr: free, strides: contiguous, bytes: o.bytes }
      free += room
      if (k > 0) copyElements(o.ptr, o.strides, copy.ptr, contiguous, shape, o.bytes)
      return copy
    })
    const flat = dense.map((o) => (repeats(o) ? [0, 0, 0] : [1, 0, 0]))
    run(
      dense.map((o) => o.ptr),
      { inner: n, middle: 1, strides: flat },
    )
    const [target] = operands
    if (dense[0] !== target) copyElements(dense[0].ptr, contiguous, target.ptr, target.strides, shape, target.bytes)
  })
}

const isOperand = (x: View | number): boolean => typeof x === 'number' || isFloat32(x)
const comparisons: ReadonlySet<BinaryOp> = new Set<BinaryOp>(['eq', 'ne', 'lt', 'le', 'gt', 'ge'])

/** Contiguous and in the target's shape, or a number: no strides to work out. */
const isPlain = (x: View | number, shape: Shape): boolean => typeof x === 'number' || (sameShape(x.shape, shape) && isContiguous(shape, x.strides))

function binary(op: BinaryOp, a: View | number, b: View | number, target: View, params: readonly number[] = none): void {
  const { shape } = target
  const n = numelOf(shape)
  const result = comparisons.has(op) ? 'bool' : 'float32'
  if (!isOperand(a) || !isOperand(b) || target.dtype !== result || !isBinaryKernel(op)) return reference.binary(op, a, b, target, params)
  if (n === 0) return
  const p = parameter(params, 0, op === 'add' || op === 'sub' ? 1 : 0)
  const q = parameter(params, 1)
  const r = parameter(params, 2)
  if (isPlain(a, shape) && isPlain(b, shape) && isContiguous(shape, target.strides)) {
    const [pa, aInner] = typeof a === 'number' ? [argument(0, a), 0] : [address(a), 1]
    const [pb, bInner] = typeof b === 'number' ? [argument(1, b), 0] : [address(b), 1]
    return launch(op, blocksOf(n), pa, pb, address(target, result === 'bool' ? 1 : 4), p, q, r, n, n, 1, aInner, 0, 0, bInner, 0, 0, 0, 0)
  }
  inRuns(op, shape, [operandOf(target, shape, 0), operandOf(a, shape, 0), operandOf(b, shape, 1)], ([y, pa, pb], { inner, middle, strides: [ys, as, bs] }) =>
    launch(op, blocksOf(n), pa, pb, y, p, q, r, n, inner, middle, as[0], as[1], as[2], bs[0], bs[1], bs[2], ys[1], ys[2]),
  )
}

function where(condition: View, a: View | number, b: View | number, target: View): void {
  const { shape } = target
  const n = numelOf(shape)
  if (!isFloat32(target) || (condition.dtype !== 'bool' && condition.dtype !== 'uint8') || !isOperand(a) || !isOperand(b)) {
    return reference.where(condition, a, b, target)
  }
  if (n === 0) return
  const operands = [operandOf(target, shape, 0), operandOf(condition, shape, 0), operandOf(a, shape, 0), operandOf(b, shape, 1)]
  inRuns('where', shape, operands, ([y, pc, pa, pb], { inner, middle, strides: [ys, cs, as, bs] }) =>
    launch('where', blocksOf(n), pc, pa, pb, y, n, inner, middle, cs[0], cs[1], cs[2], as[0], as[1], as[2], bs[0], bs[1], bs[2], ys[1], ys[2]),
  )
}

export const elementwise = { unary, binary, where } satisfies Partial<Kernels>
