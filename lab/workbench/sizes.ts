/** Sizes of the bench's networks, for the network itself and for the code that is shown. */

/** Outputs of a fully connected block. */
export const WIDTH = 64
/** Channels of the convolutions, and of all that follow the fourth. */
export const CHANNELS: readonly number[] = [8, 16, 16, 32]
/** Groups of GroupNorm: what divides every width above. */
export const GROUPS = 4
/** A pooling after the blocks of these numbers halves the picture, while there is something to halve. */
export const POOLED: readonly number[] = [0, 1, 3]
