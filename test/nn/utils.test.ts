import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nn, noGrad, type Tensor, tensor, zeros } from '../../src/index.js'

const { clipGradNorm_, clipGradValue_, parametersToVector, vectorToParameters } = nn.utils

function withGrad(grad: Tensor): nn.Parameter {
  const p = new nn.Parameter(zeros(grad.shape, { dtype: grad.dtype }))
  p.grad = grad
  return p
}
const gradOf = (p: nn.Parameter): unknown => p.grad?.toArray()

describe('clipGradNorm_', () => {
  it('scales all gradients together, and returns the norm before', () => {
    const [a, b, none] = [withGrad(tensor([3, 0])), withGrad(tensor([[4]])), new nn.Parameter(tensor([1]))]
    const total = clipGradNorm_([a, none, b], 1)
    expect([total.item(), total.shape, total.dtype]).toEqual([5, [], 'float32'])
    expect(Number(a.grad?.data[0])).toBeCloseTo(0.6, 6)
    expect(Number(b.grad?.data[0])).toBeCloseTo(0.8, 6)
    expect(none.grad).toBeNull()
  })

  it('leaves smaller gradients as they are', () => {
    const p = withGrad(tensor([0.1, 0.7]))
    const before = gradOf(p)
    clipGradNorm_(p, 1)
    expect(gradOf(p)).toEqual(before)
  })

  it('is the norm of all elements as one vector, for any order', () => {
    const numbers = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(
        fc.array(numbers, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        (grads, normType, maxNorm) => {
          const params = grads.map((g) => withGrad(tensor(g, { dtype: 'float64' })))
          const all = grads.flat().map(Math.abs)
          const norm = normType === Number.POSITIVE_INFINITY ? Math.max(...all) : all.reduce((s, v) => s + v ** normType, 0) ** (1 / normType)
          expect(clipGradNorm_(params, maxNorm, { normType }).item()).toBeCloseTo(norm, 9)
          const factor = Math.min(1, maxNorm / (norm + 1e-6))
          params.forEach((p, i) => {
            grads[i].forEach((g, k) => {
              expect(Number(p.grad?.data[k])).toBeCloseTo(g * factor, 9)
            })
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  it('without gradients the norm is 0', () => {
    expect(clipGradNorm_([new nn.Parameter(tensor([1]))], 1).item()).toBe(0)
    expect(clipGradNorm_([], 1).item()).toBe(0)
  })

  it('a norm that is not finite is an error where asked, else it shows in the gradients', () => {
    const p = withGrad(tensor([1, Number.POSITIVE_INFINITY]))
    expect(() => clipGradNorm_([p], 1, { normType: Number.POSITIVE_INFINITY, errorIfNonfinite: true })).toThrow(
      'The total norm of order inf for gradients from `parameters` is non-finite, so it cannot be clipped.',
    )
    expect(gradOf(p)).toEqual([1, Number.POSITIVE_INFINITY])
    expect(clipGradNorm_([p], 1).item()).toBe(Number.POSITIVE_INFINITY)
    expect(gradOf(p)).toEqual([0, Number.NaN])
    const q = withGrad(tensor([1, Number.NaN]))
    expect(clipGradNorm_(q, 1).item()).toBeNaN()
    expect(gradOf(q)).toEqual([Number.NaN, Number.NaN])
  })

  it('says what is wrong', () => {
    expect(() => clipGradNorm_([], -1)).toThrow('clipGradNorm_: maxNorm must be 0 or larger, got -1')
    expect(() => clipGradNorm_([], Number.NaN)).toThrow('clipGradNorm_: maxNorm must be 0 or larger, got NaN')
    expect(() => clipGradNorm_([1 as never], 1)).toThrow('clipGradNorm_: expected tensors, got number')
    expect(() => clipGradNorm_([], 1, { normtype: 1 } as never)).toThrow("clipGradNorm_: got an unexpected option 'normtype'. Did you mean 'normType'?")
  })
})

describe('clipGradValue_', () => {
  it('cuts each element', () => {
    const [a, b] = [withGrad(tensor([3, -0.25])), withGrad(tensor([[-4, Number.NaN]]))]
    clipGradValue_([a, b, new nn.Parameter(tensor([1]))], 0.5)
    expect([gradOf(a), gradOf(b)]).toEqual([[0.5, -0.25], [[-0.5, Number.NaN]]])
    expect(() => clipGradValue_(a, Number.NaN)).toThrow('clipGradValue_: clipValue must be 0 or larger, got NaN')
  })
})

describe('parametersToVector and vectorToParameters', () => {
  const model = () => new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1))

  it('round trip, also of parameters in another memory layout', () => {
    const [a, b] = [model(), model()]
    const transposed = new nn.Parameter(tensor([1, 2, 3, 4, 5, 6]).reshape([2, 3]).t())
    const vector = parametersToVector([...a.parameters(), transposed])
    expect(vector.shape).toEqual([6 + 3 + 3 + 1 + 6])
    expect(vector.narrow(0, 13, 6).toArray()).toEqual([1, 4, 2, 5, 3, 6])
    const copy = new nn.Parameter(zeros([2, 3]).t())
    const storages = b.parameters().map((p) => p.storage)
    vectorToParameters(vector, [...b.parameters(), copy])
    expect(b.parameters().map((p) => p.toArray())).toEqual(a.parameters().map((p) => p.toArray()))
    expect(copy.toArray()).toEqual(transposed.toArray())
    expect(b.parameters().map((p) => p.storage)).toEqual(storages)
    expect(b.parameters().every((p) => p.isLeaf && p.requiresGrad)).toBe(true)
  })

  it('gradients flow through the vector', () => {
    const [p, q] = [new nn.Parameter(tensor([[1, 2]])), new nn.Parameter(tensor([3]))]
    parametersToVector([p, q])
      .mul(tensor([1, 10, 100]))
      .sum()
      .backward()
    expect([p.grad?.toArray(), q.grad?.toArray()]).toEqual([[[1, 10]], [100]])
  })

  it('a vector of the wrong size changes nothing', () => {
    const p = new nn.Parameter(tensor([1, 2]))
    for (const shape of [[1], [3], [1, 2]]) {
      expect(() => noGrad(() => vectorToParameters(zeros(shape), [p]))).toThrow(
        `vectorToParameters: the parameters have 2 elements, got a vector of shape [${shape.join(', ')}]`,
      )
    }
    expect(() => vectorToParameters([1, 2] as never, [p])).toThrow('expected torch.Tensor, but got: object')
    expect(p.toArray()).toEqual([1, 2])
  })
})
