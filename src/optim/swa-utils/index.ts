/** Averages of a model's weights over training, and BatchNorm statistics for them. As `torch.optim.swa_utils`. */
export { AveragedModel, type AveragedModelOptions, type AvgFn, getEmaAvgFn, getSwaAvgFn } from './averaged-model.js'
export { updateBn } from './update-bn.js'
