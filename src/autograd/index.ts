export { type BackwardOptions, backward, type GradOptions, grad, registerHook, retainGrad } from './backward.js'
export { GradcheckError, type GradcheckOptions, gradcheck, gradgradcheck } from './gradcheck.js'
export { detectAnomaly, enableGrad, isGradEnabled, noGrad, setDetectAnomaly, setGradEnabled } from './mode.js'
export { inPlace, type Rule, record, recordAll } from './node.js'
