import { record } from '../../autograd/index.js'
import type { Tensor } from '../../core/tensor.js'
import '../methods.js'

/**
 * Replicas of a model that train together, each on its own share of every batch, seen from one of them. As `torch.distributed.ProcessGroup`, as
 * far as norms need it.
 *
 * All replicas make the same calls in the same order, and a call returns when all have made it. It blocks, because `forward` is synchronous: a
 * worker waits on shared memory (`Atomics.wait`), a process on a socket. Replicas that live in one thread cannot wait for one another; they
 * are run in lock step instead (`SyncBatchNorm.forwardTogether`), and a thread with several replicas may do both. A tensor that is passed in may be
 * released when the call has returned.
 */
export interface ProcessGroup {
  /** Number of replicas; alone, nothing is exchanged. */
  readonly size: number
  /** Every replica's tensor, in the order of their ranks, this replica's own among them. All have one shape and dtype. */
  allGather(tensor: Tensor): readonly Tensor[]
  /** The sum of every replica's tensor, the same bits everywhere. */
  allReduce(tensor: Tensor): Tensor
}

/** What the replicas of this thread and those beyond it have, in an order that all agree on. */
export const gatherAll = (own: readonly Tensor[], group: ProcessGroup | null): readonly Tensor[] => (group ? own.flatMap((t) => group.allGather(t)) : own)

/** The sum over the replicas of this thread and those beyond it; its gradient is the sum of theirs. */
export function sumAll(own: readonly Tensor[], group: ProcessGroup | null): Tensor {
  const [first, ...rest] = own
  const sum = rest.reduce((total, t) => total.add(t), first)
  if (!group) return sum
  return record(group.allReduce(sum), { name: 'AllReduceBackward', inputs: [sum], backward: (dy) => [sumAll([dy], group)] })
}
