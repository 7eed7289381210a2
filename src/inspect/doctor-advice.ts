/** What can be wrong with a norm in a checkpoint. */
export type Problem = keyof typeof advice

/** Why each matters and what to do. */
export const advice = {
  'not-finite': {
    why: 'One NaN or infinity makes every output of the layer NaN, and every layer behind it.',
    fix: 'Go back to a checkpoint before it appeared; find the step with a lower learning rate, clipped gradients, or float32 in place of float16.',
  },
  'weight-collapsed': {
    why: 'These channels are dead: whatever comes in, the output is the bias, and next to no gradient comes back.',
    fix: 'Leave weight decay off norms, or prune the channels. Where a residual branch starts at 0 on purpose and was never trained, train it.',
  },
  incomplete: {
    why: 'In evaluation PyTorch needs the running mean and the running variance; loading with strict keys fails.',
    fix: 'Save the whole state dict, or load with strict: false and recompute the averages with updateBn.',
  },
  'never-trained': {
    why: 'The layer saw no batch in training mode: in evaluation it divides by averages that describe nothing, and with momentum null they restart.',
    fix: 'Run training batches through the model in train() mode, or recompute the averages with optim.swaUtils.updateBn(loader, model).',
  },
  'never-updated': {
    why: 'The averages are those of a new layer, so in evaluation the layer normalises nothing. Frozen from the start, momentum 0, or a conversion that lost them.',
    fix: 'Recompute them with optim.swaUtils.updateBn(loader, model), and look at how the layer was frozen or the file was made.',
  },
  'variance-negative': {
    why: 'No variance is negative: the root of it is NaN in evaluation. Weights were averaged or subtracted, or the file was damaged.',
    fix: 'Recompute the averages with optim.swaUtils.updateBn(loader, model).',
  },
  'variance-near-zero': {
    why: 'The channel is all but constant, so eps and not the variance decides what it is divided by; any change of it at inference is blown up by 1 / sqrt(eps).',
    fix: 'Look for dead units before the layer (a ReLU that never fires, a pruned channel); drop the channel, or raise eps.',
  },
  'variance-exploding': {
    why: 'Activations of such a size overflow float16 and drown what is small in float32; they mostly come from a layer before that grew without bounds.',
    fix: 'Scale the inputs, lower the learning rate or warm it up, clip gradients, and put a norm before the layer that grows.',
  },
  'eps-too-small': {
    why: 'The mean is so large beside the deviation that rounding of the input in float32 shows in the normalised output.',
    fix: 'Raise eps, take the offset off the input before the layer, or keep this layer in float64.',
  },
  'disagrees-with-data': {
    why: 'In evaluation the layer normalises with averages that do not describe these inputs: outputs are shifted and scaled, and training and evaluation disagree.',
    fix: 'Check that the data are preprocessed as in training; then recompute the averages on them with optim.swaUtils.updateBn(loader, model).',
  },
} as const
