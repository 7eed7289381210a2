/**
 * The memory through which the main thread and its workers agree on a job: a kernel, its arguments, and its blocks cut into ranges.
 *
 * Nobody is handed a range; threads claim them, so that one which the system holds up takes fewer. `claim` holds the unclaimed ranges
 * [first, last) in one word: the main thread claims from the front and workers from the back, so that in two launches over one tensor each
 * finds the same part of it in its cache. The main thread writes a job while the word says that no range is left, and a job stays as it is until every
 * claimed range is done; so whoever has claimed one may read the job, and a worker that comes late, or died asleep, holds up nobody.
 */

/** Positions of 32-bit words; what different threads write often lies in cache lines of its own. */
export const word = {
  claim: 0,
  /** Ranges that workers have done. */
  done: 16,
  /** Whether the main thread sleeps until `done` changes. */
  mainSleeps: 17,
  /** Workers that sleep until `claim` changes. */
  sleepers: 32,
  /** Workers that have the kernels. */
  ready: 33,
  /** Whether a kernel has failed in a worker. */
  failed: 34,
  kernel: 48,
  blocks: 49,
  ranges: 50,
  argumentCount: 51,
} as const

/** Where a job's arguments lie, float64. */
export const ARGUMENTS_AT = 256
const MOST_ARGUMENTS = 32
export const CONTROL_BYTES = ARGUMENTS_AT + MOST_ARGUMENTS * 8

/** In `claim`: no range is left and none will come. */
export const STOP = -1

/** Looks at a word before a thread falls asleep: 20 to 40 us, while waking one up costs about as much. */
export const SPINS = 20_000

/**
 * When a worker that works on a range counts as dead: its end is an event, and events wait while the main thread does. Counted in looks at the word
 * rather than by the clock, which goes on while a machine sleeps. A range gets a hundred times what it should take, and 10 s.
 */
export const LOOK_MS = 100
export const LEAST_LOOKS = 100

export const firstOf = (claim: number): number => claim & 0xffff
export const lastOf = (claim: number): number => claim >>> 16
