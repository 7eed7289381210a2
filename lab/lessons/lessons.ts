import type { Lesson } from './lesson.js'
import { normalizedShape, twoSamples, whichAxes } from './statistics.js'
import { dead, learningRate, padding, residual } from './training.js'
import { gap, momentum, stack } from './two-modes.js'

/** In the order in which they build on one another. */
export const lessons: readonly Lesson[] = [whichAxes, normalizedShape, twoSamples, learningRate, dead, gap, stack, momentum, residual, padding]
