import type { Kernels } from '../contract.js'
import { reference } from '../reference/index.js'
import { launch } from './launch.js'
import { address, isDenseFloat32, blocksOf } from './views.js'
import { numelOf } from '../../core/shape.js'

export const elementwise: Partial<Kernels> = {
  fill(target, value) {
    if (!isDenseFloat32(target)) return reference.fill(target, value)
    const n = numelOf(target.shape)
    launch('fill', blocksOf(n), address(target), Number(value), n)
  },
}
