import { ValueError } from '../core/errors.js'
import { Generator } from '../core/random.js'
import { scope } from '../core/storage.js'
import { CharTokenizer } from '../data/index.js'
import { integer, number, type SettingsOf, seed } from '../experiments/settings.js'
import { CharLM, GPT } from '../models/index.js'
import type { Checkpoint } from './checkpoint.js'
import { recipes } from './recipes.js'

/** How text is drawn from a model of text. */
export const sampleSettings = {
  length: integer({ default: 500, min: 1, max: 1_000_000, label: 'length', help: 'Characters to write' }),
  temperature: number({ default: 0.8, min: 0, max: 10, label: 'temperature', help: 'Below 1 the likely becomes likelier; 0 always takes the likeliest' }),
  topK: integer({ default: 0, min: 0, max: 1_000_000, label: 'top k', help: 'Draw from this many likeliest characters only; 0 for all' }),
  seed: seed({ help: 'Of the draws' }),
}

export type SampleSettings = SettingsOf<typeof sampleSettings>

/**
 * A prompt and how the model goes on.
 * @throws ValueError where the checkpoint is no model of text, or the prompt has a character that its text had not
 */
export function sample(checkpoint: Checkpoint, prompt: string, { length, temperature, topK, seed }: SampleSettings): string {
  const { settings, data } = checkpoint
  const model = recipes[settings.model].make(settings.norm, data.form, settings.cell)
  if (!(model instanceof CharLM || model instanceof GPT)) throw new ValueError(`${settings.model} was trained on images and writes no text`)
  model.loadStateDict(checkpoint.model)
  const tokenizer = new CharTokenizer(String(data.form.vocabulary))
  // Without a prompt the text begins as a paragraph does.
  const newParagraph = tokenizer.vocabulary.includes('\n') ? '\n' : tokenizer.vocabulary.charAt(0)
  return scope(() => {
    const tokens = tokenizer.encode(prompt || newParagraph)
    const generator = new Generator().manualSeed(seed)
    const text = model.generate(tokens.unsqueeze(0), length, { temperature, topK: topK || null, generator })
    return prompt + tokenizer.decode(text.narrow(1, tokens.numel(), length))
  })
}
