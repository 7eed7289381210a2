/**
 * Evenkeel: PyTorch's normalization layers for TypeScript, in a small eager tensor library. What is `torch.x` there is `x` here.
 */
export * from './autograd/index.js'
export type { MemoryUse } from './core/allocator.js'
export { type Dtype, getDefaultDtype, setDefaultDtype } from './core/dtype.js'
export { AssertionError, AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, ValueError, ZeroDivisionError } from './core/errors.js'
export { type PrintOptions, setPrintOptions } from './core/print.js'
export { Generator, manualSeed } from './core/random.js'
export { keep, memory, resetPeakMemory, scope, setMemoryLimit, steps } from './core/storage.js'
export { Tensor } from './core/tensor.js'
export * from './data/index.js'
export * from './inspect/index.js'
export * from './io/index.js'
export * as models from './models/index.js'
export * as F from './nn/functional.js'
export * as nn from './nn/index.js'
export * from './ops/index.js'
export * as optim from './optim/index.js'
