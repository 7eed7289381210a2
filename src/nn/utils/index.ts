/** What works on the parameters of a module. As `torch.nn.utils`. */
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from './clip-grad.js'
export { parametersToVector, vectorToParameters } from './convert-parameters.js'
