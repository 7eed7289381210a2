import { integer, seed } from './settings.js'

/** Settings that experiments have in common. */

export const seeds = (most = 3) =>
  integer({ default: most, label: 'seeds', help: 'Repetitions with other weights and orders, for the spread', min: 1, max: 100 })
export const firstSeed = () => seed({ help: 'The first seed; others follow it' })

/** Test digits in the package. */
export const TEST_IMAGES = 1000
