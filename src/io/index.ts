export { type Loaded, load } from './checkpoint.js'
export { type LoadSafetensorsOptions, loadSafetensors, saveSafetensors } from './safetensors.js'
export {
  parseSafetensors,
  type RawTensor,
  type SafetensorsContents,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
} from './safetensors-format.js'
export { save } from './save-checkpoint.js'
export { CheckpointError } from './torch-format.js'
