export type { RecurrentOptions } from './base.js'
export { BatchNormLSTM, type BatchNormLstmOptions } from './batch-norm.js'
export { GRUCell, LSTMCell, type RecurrentCellOptions, RNNCell, type RnnCellOptions } from './cells.js'
export {
  LayerNormGRU,
  LayerNormLSTM,
  type LayerNormLstmOptions,
  type LayerNormRecurrentOptions,
  LayerNormRNN,
  type LayerNormRnnOptions,
} from './layer-norm.js'
export { GRU, LSTM, type LstmOptions, RNN, type RnnOptions } from './layers.js'
