/** Layers as functions, under PyTorch's functional names: `F.crossEntropy` is `torch.nn.functional.cross_entropy`. */
export { tanh } from '../ops/unary.js'
