export { backward, grad, registerHook, retainGrad, type BackwardOptions, type GradOptions } from './backward.js'
export { gradcheck, GradcheckError, type GradcheckOptions, gradgradcheck } from './gradcheck.js'
export { detectAnomaly, enableGrad, isGradEnabled, noGrad, setDetectAnomaly, setGradEnabled } from './mode.js'
export { inPlace, record, recordAll, type Rule } from './node.js'
