/** Whether operations record the graph, and whether backward watches for NaN. One state per thread, as in PyTorch. */
const mode = { grad: true, anomaly: false }

/** As `torch.is_grad_enabled()`. */
export const isGradEnabled = (): boolean => mode.grad
export const isAnomalyEnabled = (): boolean => mode.anomaly

function withState<K extends keyof typeof mode, T>(key: K, value: boolean, owner: string, fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeError(`${owner}: expected a function to run, got ${typeof fn}`)
  const before = mode[key]
  mode[key] = value
  try {
    const result = fn()
    // Other code runs while an async function waits, and it would run in this state.
    if (result instanceof Promise) throw new TypeError(`${owner}: the function must be synchronous, got one that returns a Promise`)
    return result
  } finally {
    mode[key] = before
  }
}

/** Runs `fn` without recording operations: for evaluation and updates by hand. As `torch.no_grad()`. */
export const noGrad = <T>(fn: () => T): T => withState('grad', false, 'noGrad', fn)

/** Records operations again inside `noGrad`. As `torch.enable_grad()`. */
export const enableGrad = <T>(fn: () => T): T => withState('grad', true, 'enableGrad', fn)

/** As `torch.set_grad_enabled`; lasts until the next call. */
export function setGradEnabled(enabled: boolean): void {
  mode.grad = enabled
}

/**
 * Runs `fn` with anomaly detection: each operation remembers where it was called, and a backward step that makes a NaN is an error that
 * names the operation and that place. Slow; for finding a fault. As `torch.autograd.detect_anomaly()`.
 */
export const detectAnomaly = <T>(fn: () => T): T => withState('anomaly', true, 'detectAnomaly', fn)

/** As `torch.autograd.set_detect_anomaly`; lasts until the next call. */
export function setDetectAnomaly(enabled: boolean): void {
  mode.anomaly = enabled
}
