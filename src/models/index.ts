/** Networks, with PyTorch's key names and the norm an argument. */
export { type CharCell, CharLM, type CharLMOptions, type CharNorm, charNormNames, type RecurrentState } from './char-lm.js'
export { DigitsCnn, type DigitsCnnOptions, isNormName, type NormFactory, type NormName, normLabel, normNames } from './digits-cnn.js'
export type { SampleOptions } from './generate.js'
export { GPT, type GPTOptions } from './gpt.js'
export { LayerNorm2d } from './layer-norm-2d.js'
export type { ChannelNormFactory, ImageNorm, TokenNorm } from './norms.js'
export { ResNet, type ResNetOptions, resnet18, resnet20, resnet34, resnet50 } from './resnet.js'
