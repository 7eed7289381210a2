export { type LoadSafetensorsOptions, loadSafetensors, saveSafetensors } from './safetensors.js'
export {
  parseSafetensors,
  type RawTensor,
  type SafetensorsContents,
  type SafetensorsDtype,
  SafetensorsError,
  serializeSafetensors,
} from './safetensors-format.js'
