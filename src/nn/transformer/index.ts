export {
  type TransformerActivation,
  TransformerDecoderLayer,
  type TransformerDecoderLayerCall,
  TransformerEncoderLayer,
  type TransformerEncoderLayerCall,
  type TransformerLayerOptions,
  type TransformerNorm,
} from './layers.js'
export { MultiheadAttention, type MultiheadAttentionCall, type MultiheadAttentionOptions } from './multihead-attention.js'
export {
  Transformer,
  type TransformerCall,
  TransformerDecoder,
  type TransformerDecoderCall,
  TransformerEncoder,
  type TransformerEncoderCall,
  type TransformerEncoderOptions,
  type TransformerOptions,
} from './stacks.js'
