import { signal } from '@preact/signals'
import { defaultsOf } from '../../src/experiments/settings.js'
import type { Evaluation, Snapshot } from '../training/records.js'
import { playSettings } from './settings.js'
import { type BenchState, writeBench } from './state.js'
import { Track } from './track.js'

/** The first steps of a preset's runs, made by the same trainer and kept in a file, so that there is something to see before the first step is done. */

export interface RunTold {
  /** Of every step, from the first. */
  loss: number[]
  accuracy: number[]
  snapshots: Snapshot[]
  evaluations: Evaluation[]
}

/** By preset; those that a page can begin with. */
export type StoredRuns = Readonly<Record<string, readonly RunTold[]>>

/** What has been fetched. */
export const storedRuns = signal<StoredRuns>({})
let asked = false

/** Without the file there is nothing to see before the first step, and nothing else is missing. */
async function load(): Promise<void> {
  if (asked) return
  asked = true
  try {
    const response = await fetch(new URL('./data/lab/first-runs.json', import.meta.url))
    if (response.ok) storedRuns.value = await response.json()
  } catch {
    asked = false
  }
}

/** The stored runs of a bench at its preset's settings; null where there are none (yet). */
export function storedTracks(state: BenchState): readonly Track[] | null {
  if (writeBench({ ...state, play: defaultsOf(playSettings) }, state.preset).length > 0) return null
  void load()
  const told = storedRuns.value[state.preset]
  return told && told.length === state.runs.length ? told.map((run, i) => trackOf(run, state, i)) : null
}

export function trackOf({ loss, accuracy, snapshots, evaluations }: RunTold, { bench, runs }: BenchState, at: number): Track {
  const track = new Track(runs[at], bench)
  track.add({ steps: loss.map((value, i) => ({ step: i + 1, loss: value, accuracy: accuracy[i] })), snapshots, evaluations })
  return track
}
