import type { BenchState } from '../workbench/state.js'
import type { RunTold } from '../workbench/stored.js'
import { benchData } from './data.js'
import type { Evaluation, Snapshot } from './records.js'
import { Session } from './session.js'

/** Steps that are stored of each run. */
const STEPS = 40
/** Significant digits of what is stored: more than a picture shows. */
const DIGITS = 5

/** The first steps of the runs on a bench, as the page draws them before its own have begun. */
export async function storedRuns({ bench, runs }: BenchState): Promise<RunTold[]> {
  const data = await benchData(bench, null)
  return runs.map((run) => {
    const session = new Session({ ...bench, ...run }, data)
    const told = { loss: [] as number[], accuracy: [] as number[], snapshots: [] as Snapshot[], evaluations: [] as Evaluation[] }
    while (session.step < STEPS) {
      const { record, snapshot, evaluation } = session.next()
      told.loss.push(record.loss)
      told.accuracy.push(record.accuracy)
      if (snapshot) told.snapshots.push(snapshot)
      if (evaluation) told.evaluations.push(evaluation)
    }
    session.end()
    return rounded(told)
  })
}

/** Also what JSON makes of it: everything in it is numbers, lists and null. */
const rounded = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(DIGITS)) : v))) as T
