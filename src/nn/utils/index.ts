/** What works on the parameters of a module. As `torch.nn.utils`. */
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from './clip-grad.js'
export { parametersToVector, vectorToParameters } from './convert-parameters.js'
export * as parametrizations from './parametrizations/index.js'
export * as parametrize from './parametrize.js'
export { removeSpectralNorm, spectralNorm } from './spectral-norm.js'
export { removeWeightNorm, weightNorm } from './weight-norm.js'
