import type { UnaryOp } from '../contract.js'

/** The activations that assembly/epilogue.ts has, by their codes from 1 on. */
const activations: readonly UnaryOp[] = [
  'relu',
  'leakyRelu',
  'elu',
  'gelu',
  'geluTanh',
  'silu',
  'mish',
  'sigmoid',
  'tanh',
  'softplus',
  'hardtanh',
  'hardswish',
  'hardsigmoid',
]

/** What assembly/epilogue.ts calls an activation; 0 for one that it doesn't have. */
export const activationCode = (op: UnaryOp): number => activations.indexOf(op) + 1
