export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from './batch-norm.js'
export { LayerNorm, type LayerNormOptions } from './layer-norm.js'
export { LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d } from './lazy-batch-norm.js'
