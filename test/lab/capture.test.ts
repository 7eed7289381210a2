import { describe, expect, test } from 'vitest'
import { benchData } from '../../lab/training/data.js'
import { Session, SNAPSHOT_EVERY } from '../../lab/training/session.js'
import { readBench } from '../../lab/workbench/state.js'

/** The lower quartile: caches shared with others' work make some of the steps dearer. */
const typical = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 4)]

/** Processor time of this process, as the machine may be busy with other things. */
const spent = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

describe('looking into the layers costs little beside training', () => {
  test.each(['preset=digits&runs=2', 'preset=spirals'])('%s: at most a tenth of the time of its steps', async (query) => {
    const { state } = readBench(new Map(new URLSearchParams(query)), 'digits')
    const data = await benchData(state.bench, null)
    for (const run of state.runs) {
      const session = new Session({ ...state.bench, ...run }, data)
      const [plain, looking]: [number[], number[]] = [[], []]
      for (let i = 0; i < 768; i++) {
        const before = spent()
        const { snapshot, evaluation } = session.next()
        const time = spent() - before
        // The first steps compile; evaluations are no part of a step.
        if (i >= 80 && !evaluation) (snapshot ? looking : plain).push(time)
      }
      const cost = (typical(looking) / typical(plain) - 1) / SNAPSHOT_EVERY
      console.log(
        `${query}, ${run.norm}: capture adds ${(100 * cost).toFixed(1)}% (${typical(plain)} and ${typical(looking)} us, one step in ${SNAPSHOT_EVERY})`,
      )
      expect(looking.length).toBeGreaterThanOrEqual(40)
      expect(cost).toBeLessThan(0.1)
    }
  })
})
