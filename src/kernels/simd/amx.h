// Matrix tiles of x86-64 (AMX) in bfloat16, as inline assembly: Highway has no operation for them,
// and the compilers' intrinsics ask for target attributes that its per-target namespaces do not
// carry.
//
// A tile register holds 16 rows of 64 bytes. With A as 16 rows of 32 bf16 and B as 16 rows, one per
// pair of terms, of 16 columns x 2 terms, one instruction adds 16 x 16 sums of 32 products in f32
// (Intel Architecture Instruction Set Extensions Programming Reference, "TDPBF16PS": pairs in
// order, round to nearest even, denormals as zero).
#ifndef MOBILEASR_KERNELS_SIMD_AMX_H_
#define MOBILEASR_KERNELS_SIMD_AMX_H_

namespace masr::amx {

// Whether this CPU has bf16 tiles and the system lets this process use them. Asks once.
bool Available();

}  // namespace masr::amx

#endif  // MOBILEASR_KERNELS_SIMD_AMX_H_
