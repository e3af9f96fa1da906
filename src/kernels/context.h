// What every kernel is given beside its data. `threads` hands out the work and owns the scratch.
//
// Conventions of this folder, for all kernels:
// * Free functions on raw pointers, the shape written beside each pointer; rows are contiguous and
//   follow each other without gaps unless a stride is named. All lengths are in elements, not
//   bytes.
// * A batch is packed: the frames of its utterances follow each other as rows, without padding.
//   `offsets` has utterances + 1 entries; utterance u owns rows [offsets[u], offsets[u + 1]). A
//   kernel never looks across an utterance's border, so a batch equals its utterances alone.
// * A result does not depend on the number of threads, and a row of a forward result does not
// depend
//   on the other rows in the call.
// * Backward functions take the gradient of the loss with respect to the output, `dy`, and write
//   (not add) the gradient with respect to the input, `dx`; gradients of parameters are added to
//   what is there, so that micro-batches accumulate. A null parameter gradient means frozen: not
//   computed; a null dx likewise.
// * Kernels allocate nothing and cannot fail; shapes are checked by the layers' Plan.
#ifndef MOBILEASR_KERNELS_CONTEXT_H_
#define MOBILEASR_KERNELS_CONTEXT_H_

#include <cstdint>
#include <span>

#include "base/thread_pool.h"

namespace masr {

// Of matrix products with f32 operands. kBf16 rounds both operands to bfloat16 and sums in f32,
// where the CPU has matrix tiles for it (x86-64 AMX); elsewhere it is f32.
enum class Precision : uint8_t { kF32, kBf16 };

struct KernelContext {
  const ThreadPool& threads;
  Precision precision = Precision::kF32;
};

using Offsets = std::span<const int64_t>;

}  // namespace masr

#endif  // MOBILEASR_KERNELS_CONTEXT_H_
