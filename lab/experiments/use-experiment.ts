import { useEffect, useState } from 'preact/hooks'
import { announce } from '../state/app.js'
import { LabWorker } from '../worker/client.js'
import { novel } from '../worker/files.js'
import type { ExperimentView, Report } from '../worker/protocol.js'

export interface ExperimentRun {
  running: boolean
  progress: Extract<Report, { type: 'progress' }> | null
  /** What there is so far. */
  view: ExperimentView | null
  problem: string
  /** Runs it with settings by flag. @returns the whole result, null where there is none */
  run(flags: Readonly<Record<string, string>>): Promise<ExperimentView | null>
  /** Ends it before its next step; what was measured is kept. */
  stop(): void
}

/** An experiment in a worker of its own, which goes when the page is left. */
export function useExperiment(name: string, title: string): ExperimentRun {
  const [worker, setWorker] = useState<LabWorker | null>(null)
  const [progress, setProgress] = useState<ExperimentRun['progress']>(null)
  const [view, setView] = useState<ExperimentView | null>(null)
  const [problem, setProblem] = useState('')
  useEffect(() => () => worker?.end(), [worker])
  const run = async (flags: Readonly<Record<string, string>>) => {
    const own = new LabWorker()
    setWorker(own)
    setProblem('')
    setView(null)
    announce(`${title}: running`)
    try {
      const text = await novel().catch((error: Error) => error.message)
      const answer = await own.ask<'experiment'>({ type: 'experiment', name, settings: flags, text }, (report) => {
        if (report.type === 'progress') setProgress(report)
        else if (report.type === 'figures') setView(report.view)
      })
      setView(answer.view)
      announce(answer.view.result.complete ? 'All runs have ended' : 'Stopped; what was measured is shown')
      return answer.view
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      return null
    } finally {
      own.end()
      setWorker(null)
      setProgress(null)
    }
  }
  return { running: worker !== null, progress, view, problem, run, stop: () => worker?.tell({ type: 'cancel' }) }
}
