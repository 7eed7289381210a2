/**
 * The kernels, family by family. Every exported function is a kernel: it returns nothing, and its last two parameters are a range of
 * blocks [begin, end). What a block is, each family says; results don't depend on how the blocks are cut into ranges.
 */
export * from './unary'
export * from './binary'
export { fill, where } from './elementwise'
export { gemm, gemmDot, packPanels } from './gemm'
export { attention, attentionGrad } from './attention'
export * from './conv'
export * from './depthwise'
export { winogradWeightGrad, winogradWeights } from './winograd'
export { winogradConv, winogradDots } from './winograd-pass'
export * from './pool'
export * from './indexing'
export { copy8, copy16, copy32, copy64, copyBytes, float32ToFloat64, float64ToFloat32, int32ToFloat32, int64ToFloat32, uint8ToFloat32 } from './copy'
export { columnMoments, combineMoments, planeMoments } from './moments'
export {
  affineColumns, affinePlanes, batchNormCoefficients, batchNormFinish, batchNormGradients, columnSums, gradColumns, gradPlanes, planeSums,
} from './batchnorm'
export { recurrent, recurrentGrad } from './recurrent'
export { rowNorm } from './rownorm'
export { rowGrad, segmentedRowGrad, sumPairs, sumRows } from './rowgrad'
export { combineSums, middleMax, middleMin, rowArgMax, rowArgMin, rowMax, rowMin, sumMiddle, sumPieces } from './reduce'
export { responseGrad, responseNorm, responseTerms } from './response'
export { bernoulli } from './bernoulli'
export { crossEntropy, crossEntropyGrad } from './cross-entropy'
export { softmaxGradMiddle, softmaxGradRows, softmaxMiddle, softmaxRows } from './softmax'
export { adadelta, adagrad, adam, adamax, nadam, radam, rmsprop, sgd } from './optim'

/** End of the static data. The build checks that it stays below the tensors. */
export const heapBase: usize = __heap_base
