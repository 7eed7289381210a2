/** Networks, with PyTorch's key names and the norm an argument. */
export { DigitsCnn, type DigitsCnnOptions, isNormName, type NormFactory, type NormName, normLabel, normNames } from './digits-cnn.js'
