/** Every operation. Those that take a tensor first are methods of it too (methods.ts). */
import './methods.js'

export * from './activation.js'
export * from './binary.js'
export * from './copy.js'
export * from './create.js'
export * from './item.js'
export { type Operand, resultType } from './promote.js'
export * from './random.js'
export * from './random-inplace.js'
export * from './reduce.js'
export * from './unary.js'
export * from './views.js'
