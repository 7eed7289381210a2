import { F, Generator, manualSeed, memory, noGrad, ones, randn, resetPeakMemory, scope, type Tensor, tensor } from 'evenkeel'
import { describe, expect, test } from 'vitest'

const attention = F.scaledDotProductAttention

function draw(seed: number): (...shape: number[]) => Tensor {
  const generator = new Generator().manualSeed(seed)
  return (...shape) => randn(shape, { generator, requiresGrad: true })
}

const gap = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item()

/** The formula as it stands, with the whole matrix of weights. */
function composed(q: Tensor, k: Tensor, v: Tensor, p = 0): Tensor {
  const weights = q
    .matmul(k.transpose(-2, -1))
    .mul(1 / Math.sqrt(q.shape[q.ndim - 1]))
    .softmax(-1)
  return F.dropout(weights, { p }).matmul(v)
}

describe('scaledDotProductAttention', () => {
  test('a causal query never sees the future: the gradients are exactly 0', () => {
    const make = draw(1)
    const length = 130
    const [q, k, v] = [make(1, 2, length, 8), make(1, 2, length, 8), make(1, 2, length, 8)]
    const y = attention(q, k, v, { isCausal: true })
    for (const t of [0, 1, 62, 63, 64, 65, 127, 128]) {
      for (const x of [q, k, v]) x.grad = null
      y.select(2, t).sum().backward(undefined, { retainGraph: true })
      for (const x of [k, v]) {
        const grad = x.grad as Tensor
        expect(
          grad
            .narrow(2, t + 1, length - t - 1)
            .abs()
            .max()
            .item(),
        ).toBe(0)
      }
      expect((v.grad as Tensor).select(2, t).abs().sum().item()).toBeGreaterThan(0)
    }
  })

  test('a causal query is not changed by what is in the future', () => {
    const make = draw(2)
    const [q, k, v] = [make(3, 70, 8), make(3, 70, 8), make(3, 70, 8)].map((x) => x.detach())
    const before = attention(q, k, v, { isCausal: true })
    for (const x of [k, v]) x.narrow(1, 33, 37).fill_(1e4)
    const after = attention(q, k, v, { isCausal: true })
    expect(gap(after.narrow(1, 0, 33), before.narrow(1, 0, 33))).toBe(0)
    expect(gap(after.narrow(1, 33, 1), before.narrow(1, 33, 1))).toBeGreaterThan(1)
  })

  test('of length 4096, forward and backward, takes memory that is linear in it', () => {
    const use = (length: number): number =>
      scope(() => {
        const make = draw(3)
        const [q, k, v] = [make(1, 2, length, 32), make(1, 2, length, 32), make(1, 2, length, 32)]
        const up = ones([1, 2, length, 32])
        const before = memory().bytes
        resetPeakMemory()
        attention(q, k, v, { isCausal: true }).backward(up)
        return memory().peakBytes - before
      })
    const [half, whole] = [use(2048), use(4096)]
    // y, three gradients, and 8 bytes for each row; beyond that the blocks' own memory. The weights alone would be 128 MiB.
    expect(whole).toBeLessThan(4 * 2 * 4096 * 32 * 4 + 8 * 2 * 4096 + 5 * 2 ** 20)
    expect(whole / half).toBeLessThan(2.1)
  })

  test('with dropout memory stays bounded too', () => {
    const [q, k, v] = [0, 1, 2].map((i) => draw(i)(1, 2, 3000, 4))
    const before = memory().bytes
    resetPeakMemory()
    attention(q, k, v, { dropoutP: 0.1 }).sum().backward()
    // Of the 18,000,000 elements of the mask no more than 4 Mi exist at a time.
    expect(memory().peakBytes - before).toBeLessThan(12 * 2 ** 20)
  })

  test.each([
    ['all at once', [2, 3, 5, 4], 7],
    ['by batches and heads', [2, 3, 700, 2], 900],
    ['by rows', [1, 2, 2100, 2], 2100],
  ])('dropout draws what F.dropout draws for the weights, %s', (_, shape, keys) => {
    const [b, h, l, e] = shape
    const make = draw(4)
    const [q, k, v] = [make(b, h, l, e), make(b, h, keys, e), make(b, h, keys, e)]
    const run = (compute: () => Tensor) => {
      for (const x of [q, k, v]) x.grad = null
      manualSeed(11)
      const y = compute()
      y.sum().backward()
      return [y.detach(), ...[q, k, v].map((x) => x.grad as Tensor)]
    }
    const expected = run(() => composed(q, k, v, 0.4))
    const actual = run(() => attention(q, k, v, { dropoutP: 0.4 }))
    actual.forEach((x, i) => {
      expect(gap(x, expected[i])).toBeLessThan(2e-5 * Math.max(1, expected[i].abs().max().item()))
    })
  })

  test('dropping all gives 0', () => {
    const [q, k, v] = [0, 1, 2].map((i) => draw(i)(2, 3, 4))
    const y = attention(q, k, v, { dropoutP: 1 })
    y.sum().backward()
    expect(y.abs().sum().item()).toBe(0)
    expect((v.grad as Tensor).abs().sum().item()).toBe(0)
  })

  test('a query whose keys are all masked gives 0 and gradients of 0, by either kind of mask', () => {
    const allowed = ones([4, 5], { dtype: 'bool' })
    allowed.select(0, 2).fill_(0)
    const added = allowed.logicalNot().to('float32').mul(-1e30).mul(1e30)
    added.maskedFill_(allowed, 0)
    for (const mask of [allowed, added]) {
      const [q, k, v] = [draw(1)(2, 4, 3), draw(2)(2, 5, 3), draw(3)(2, 5, 3)]
      const y = attention(q, k, v, mask)
      expect(y.select(1, 2).abs().sum().item()).toBe(0)
      y.sum().backward()
      for (const x of [q, k, v]) expect((x.grad as Tensor).isfinite().all().item()).toBe(1)
      expect((q.grad as Tensor).select(1, 2).abs().sum().item()).toBe(0)
    }
  })

  test('masks and inputs of fewer axes broadcast', () => {
    const make = draw(5)
    const [q, k, v] = [make(2, 3, 4, 5), make(3, 6, 5), make(1, 6, 2)]
    const mask = make(2, 1, 1, 6)
    const y = attention(q, k, v, mask)
    const whole = attention(q, k.expand(2, 3, 6, 5).contiguous(), v.expand(2, 3, 6, 2).contiguous(), mask.expand(2, 3, 4, 6).contiguous())
    expect(y.shape).toEqual([2, 3, 4, 2])
    expect(gap(y, whole)).toBeLessThan(1e-6)
    y.square().sum().backward()
    expect([q, k, v, mask].map((x) => x.grad?.shape)).toEqual([q, k, v, mask].map((x) => x.shape))
  })

  test('more axes than batch and heads', () => {
    const make = draw(6)
    const [q, k, v] = [make(2, 3, 2, 4, 5), make(3, 2, 6, 5), make(3, 2, 6, 3)]
    expect(gap(attention(q, k, v), composed(q, k, v))).toBeLessThan(1e-6)
  })

  test('the output lies in memory as the queries do: where those are heads of rows, joining the heads is a view', () => {
    const [k, v] = [draw(2)(2, 3, 4, 5), draw(3)(2, 3, 4, 7)]
    const rows = draw(1)(2, 4, 15)
    const heads = rows.unflatten(-1, [3, 5]).transpose(1, 2)
    const y = attention(heads, k, v)
    expect(y.transpose(1, 2).isContiguous()).toBe(true)
    const plain = attention(heads.contiguous(), k, v)
    expect(plain.isContiguous()).toBe(true)
    expect(gap(y, plain)).toBe(0)
  })

  test('nothing to attend to gives 0, nothing to attend with nothing', () => {
    const [q, k] = [draw(1)(2, 3, 4), draw(2)(2, 0, 4)]
    const y = attention(q, k, k)
    expect(y.toArray()).toEqual(tensor([0]).expand(2, 3, 4).toArray())
    y.sum().backward()
    expect((q.grad as Tensor).abs().sum().item()).toBe(0)
    const none = attention(k, q, q)
    expect(none.shape).toEqual([2, 0, 4])
    none.sum().backward()
    expect((q.grad as Tensor).abs().sum().item()).toBe(0)
  })

  test('float16 computes in float64 and rounds once', () => {
    const [q, k, v] = [draw(1)(2, 3, 4), draw(2)(2, 5, 4), draw(3)(2, 5, 4)].map((x) => x.detach().to('float16'))
    const exact = attention(q.double(), k.double(), v.double())
    expect(gap(attention(q, k, v), exact.to('float16'))).toBe(0)
  })
})

describe('errors are those of PyTorch', () => {
  const x = ones([2, 3, 4, 5])
  test.each<[string, () => unknown]>([
    [
      'Expected query, key, and value to have the same dtype, but got query.dtype: float key.dtype: double and value.dtype: float instead.',
      () => attention(x, x.double(), x),
    ],
    [
      'Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: 1 key.dim: 4 and value.dim: 4 instead.',
      () => attention(ones([5]), x, x),
    ],
    ['expected scalar type Float but found Long', () => attention(x.to('int64'), x.to('int64'), x.to('int64'))],
    [
      'Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: long int and  query.dtype: float instead.',
      () => attention(x, x, x, ones([4, 4], { dtype: 'int64' })),
    ],
    ['_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True', () => attention(x, x, x, ones([4, 4]), 0, true)],
    ['The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 2', () => attention(x, x, x, ones([3, 4]))],
    [
      'The size of tensor a (4) must match the size of tensor b (5) at non-singleton dimension 1',
      () => attention(ones([4, 5]), ones([4, 5]), ones([4, 5]), ones([3, 5])),
    ],
    [
      "output with shape [3, 4, 4] doesn't match the broadcast shape [2, 3, 4, 4]",
      () => attention(x.select(0, 0), x.select(0, 0), x.select(0, 0), ones([2, 3, 4, 4])),
    ],
    ['dropout probability has to be between 0 and 1, but got 2', () => attention(x, x, x, { dropoutP: 2 })],
    ['Expected size for first two dimensions of batch2 tensor to be: [6, 5] but got: [6, 6].', () => attention(x, ones([2, 3, 4, 6]), x)],
    [
      'Expected size for first two dimensions of batch2 tensor to be: [3, 6] but got: [3, 4].',
      () => attention(ones([3, 4, 5]), ones([3, 6, 5]), ones([3, 4, 5])),
    ],
    ['mat1 and mat2 shapes cannot be multiplied (4x5 and 6x4)', () => attention(ones([4, 5]), ones([4, 6]), ones([4, 5]))],
    ['mat1 and mat2 shapes cannot be multiplied (4x6 and 4x5)', () => attention(ones([4, 5]), ones([6, 5]), ones([4, 5]))],
    ['The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0', () => attention(x, ones([3, 3, 4, 5]), ones([3, 3, 4, 5]))],
    ['Number of heads in key and value must divide the number of heads in ', () => attention(x, ones([2, 2, 4, 5]), ones([2, 2, 4, 5]), { enableGqa: true })],
    ['Dimension out of range (expected to be in range of [-2, 1], but got -3)', () => attention(ones([4, 5]), ones([4, 5]), ones([4, 5]), { enableGqa: true })],
  ])('%s', (message, call) => {
    expect(call).toThrow(message)
  })
})

test('without a graph nothing is kept', () => {
  scope(() => {
    const x = ones([2, 3, 4])
    const before = memory().tensors
    noGrad(() => attention(x, x, x, { isCausal: true }))
    expect(memory().tensors - before).toBe(1)
  })
})
