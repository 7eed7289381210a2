import { scope } from '../../src/index.js'
import type { TrainConfig } from '../workbench/settings.js'
import { type BenchData, benchData } from './data.js'
import type { Divergence, Evaluation } from './records.js'
import { Session } from './session.js'

/** A run of the bench from its first weights, told as a whole: the same run as on the workbench, number for number. */
export interface Trial {
  /** Of every step that was made. */
  losses: Float32Array
  /** Behind the last step; null where the run diverged. */
  evaluation: Evaluation | null
  divergence: Divergence | null
}

const kept = new Map<string, Promise<BenchData>>()

/** @param digitsFile as in `benchData` @throws Error in the layer's own words where it refuses the batch */
export async function runTrial(config: TrainConfig, steps: number, digitsFile?: () => Promise<Uint8Array>): Promise<Trial> {
  const data = kept.get(config.data) ?? benchData(config, null, digitsFile)
  kept.set(config.data, data)
  const made = await data
  // In a scope, as what is made before the first step and behind the last belongs to no turn of a loop.
  return scope(() => trial(new Session(config, made), steps))
}

function trial(session: Session, steps: number): Trial {
  const losses: number[] = []
  try {
    let evaluation: Evaluation | null = null
    while (session.step < steps) {
      const result = session.next()
      losses.push(result.record.loss)
      if (result.divergence) return { losses: Float32Array.from(losses), evaluation: null, divergence: result.divergence }
      evaluation = result.evaluation
    }
    return { losses: Float32Array.from(losses), evaluation: evaluation ?? session.evaluate(), divergence: null }
  } finally {
    session.end()
  }
}
