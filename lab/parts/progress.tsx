import type { Report } from '../worker/protocol.js'

/** How far the runs are. */
export function Progress({ progress }: { progress: Extract<Report, { type: 'progress' }> | null }) {
  if (!progress) return null
  return (
    <div class="progress">
      <progress value={progress.share} max={1} aria-label="Progress" />
      <span>
        run {progress.run} of {progress.runs}: {progress.text}
      </span>
    </div>
  )
}
