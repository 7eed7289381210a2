/** Layers. `nn.Conv2d`, `nn.BatchNorm2d`, ... as `torch.nn`. */
export * from './activation.js'
export { type Layer, ModuleDict, ModuleList, Sequential } from './containers.js'
export * as functional from './functional.js'
export * as init from './init.js'
export { type BackwardHook, type ForwardHook, type ForwardPreHook, Module } from './module.js'
export * from './norm/index.js'
export { Parameter } from './parameter.js'
export type { LoadOptions, LoadResult, StateDict } from './state-dict.js'
