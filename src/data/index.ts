export { type Collated, defaultCollate } from './collate.js'
export { DataLoader, type DataLoaderOptions } from './dataloader.js'
export { type Dataset, Subset, TensorDataset } from './dataset.js'
export { type DigitImages, type Digits, decodeDigits, type LoadDigitsOptions, loadDigits } from './digits.js'
