// The Conformer's parts in libtorch.
#ifndef MOBILEASR_BENCH_TORCH_CONFORMER_H_
#define MOBILEASR_BENCH_TORCH_CONFORMER_H_

#include "torch_network.h"

namespace masr_bench {

std::shared_ptr<Block> MakeConvSubsampling(const nlohmann::json& layer, int64_t mels);
std::shared_ptr<Block> MakeConformerBlock(const nlohmann::json& layer, int64_t dim);

}  // namespace masr_bench

#endif  // MOBILEASR_BENCH_TORCH_CONFORMER_H_
