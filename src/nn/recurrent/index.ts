export type { RecurrentOptions } from './base.js'
export { GRUCell, LSTMCell, type RecurrentCellOptions, RNNCell, type RnnCellOptions } from './cells.js'
export { GRU, LSTM, type LstmOptions, RNN, type RnnOptions } from './layers.js'
