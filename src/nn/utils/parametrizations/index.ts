/** Weights that are computed from what is learned in their place. As `torch.nn.utils.parametrizations`. */
export { type SpectralNormOptions, spectralNorm } from './spectral-norm.js'
export { type WeightNormOptions, weightNorm } from './weight-norm.js'
