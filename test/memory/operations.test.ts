import { grad, memory, noGrad, scope, Tensor } from 'evenkeel'
import { describe, expect, test } from 'vitest'
import * as ops from '../../src/ops/index.js'
import { layerExamples } from '../ops/gradcheck-layers.js'
import { lossExamples } from '../ops/gradcheck-losses.js'
import { normExamples } from '../ops/gradcheck-norms.js'
import { examples as basicExamples, type Example } from '../ops/gradcheck-table.js'

type Operation = NonNullable<Example['run']>

const examples = { ...basicExamples, ...layerExamples, ...lossExamples, ...normExamples }
const operations = new Map<string, unknown>(Object.entries(ops))
const operationOf = (name: string, { run }: Example): Operation => run ?? (operations.get(name) as Operation)

/**
 * Tensors that an example's own text makes or drops beside the operation's result, such as the indices of `x.max(1).values`, by the
 * example's number. For a new example that fails here, look which it is: its own, or one that the operation leaves behind.
 */
const ofTheExample: Record<string, Record<number, number>> = {
  adaptiveMaxPool2d: { 1: 1 },
  batchNorm: { 1: 2, 4: 2, 5: 2 },
  binaryCrossEntropy: { 1: 1 },
  crossEntropy: { 2: 1, 6: 1 },
  embedding: { 1: 1 },
  fill_: { 0: 1 },
  instanceNorm: { 1: 2, 3: 2 },
  batchRenorm: { 0: 2, 1: 3, 2: 2 },
  maskedBatchNorm: { 1: 3 },
  maskedLayerNorm: { 1: 1 },
  max: { 1: 1, 2: 1, 3: 1 },
  maxPool2d: { 2: 1 },
  min: { 1: 1 },
  nllLoss: { 1: 1, 3: 1 },
  scaledDotProductAttention: { 2: 1 },
  sort: { 0: 1, 1: 1 },
  topk: { 0: 1 },
  viewAs: { 0: 1 },
  zero_: { 0: 1 },
}

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] => (result instanceof Tensor ? [result] : result)
const newStorages = (result: readonly Tensor[], inputs: readonly Tensor[]) => {
  const given = new Set(inputs.map((t) => t.storage))
  return new Set(result.map((t) => t.storage).filter((s) => !given.has(s))).size
}

describe.for(Object.entries(examples))('%s', ([name, list]) => {
  test.for(list.map((example, i) => ({ i, example })))('without a graph leaves nothing but its result, example $i', ({ i, example }) => {
    scope(() => {
      const inputs = example.inputs()
      const before = memory().tensors
      const result = listOf(noGrad(() => operationOf(name, example)(...inputs)))
      expect(memory().tensors - before).toBe(newStorages(result, inputs) + (ofTheExample[name]?.[i] ?? 0))
    })
  })

  test.for(list.map((example, i) => ({ i, example })))('backward leaves nothing but gradients, example $i', ({ example }) => {
    scope(() => {
      const inputs = example.inputs()
      const outputs = listOf(operationOf(name, example)(...inputs)).filter((t) => t.requiresGrad)
      const wanted = inputs.filter((t) => t.requiresGrad)
      const seeds = outputs.map((t) => ops.onesLike(t))
      const before = memory().tensors
      const grads = grad(outputs, wanted, { gradOutputs: seeds, allowUnused: true }).filter((g) => g !== null)
      // At most: a gradient may be the seed itself, and what only the graph knew is released meanwhile.
      expect(memory().tensors - before).toBeLessThanOrEqual(newStorages(grads, seeds))
    })
  })
})
