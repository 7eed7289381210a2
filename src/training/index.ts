/** What `evenkeel train` and `evenkeel sample` do, apart from files and terminals: a network on text or images, which can be stopped and taken up again. */

export { type Checkpoint, type Evaluation, readCheckpoint } from './checkpoint.js'
export { type DataForm, imageData, packagedData, type TrainingData, textData } from './data.js'
export { type CountingModels, countingModels } from './ngram.js'
export { type ModelName, recipes } from './recipes.js'
export { trainingReport } from './report.js'
export { type TrainingResult, trainingCsv, trainingResult } from './result.js'
export { type SampleSettings, sample, sampleSettings } from './sample.js'
export { completeTrainSettings, type TrainSettings, trainSettings } from './settings.js'
export { Training, type TrainingHooks, type TrainingProgress } from './training.js'
