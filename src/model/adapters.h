// What a model gets to learn with beside its own numbers: low-rank pairs beside its matrices (LoRA;
// layers/product.h), for the time that it learns, and residual adapters behind its blocks
// (layers/residual_adapter.h), which stay.
//
// A model with pairs recognises and learns as any other. Its file and its fingerprint are those of
// the merged one, W + (alpha / r) B A: SaveModel merges each matrix while it is written, so that at
// most one of them is in memory as f32, and whoever reads the file never hears of the pairs.
//
// An adapter is no product of what is there and cannot be merged: it becomes part of the model's
// configuration ("adapter" of the block's entry), so that whoever reads the file computes it.
#ifndef MOBILEASR_MODEL_ADAPTERS_H_
#define MOBILEASR_MODEL_ADAPTERS_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace masr {

// Gives the model pairs of this shape, and takes away those of another shape that it has by merging
// them into their matrices, one at a time; a model whose pairs have the shape keeps them as they
// are. Blocks that lack the residual adapter that the shape wants get one; those that have one keep
// it, of whatever width. What is new changes nothing: B and W2 are zero; the others are drawn from
// `seed`. The matrices stay as stored
// (int8, mapped) but for those that are merged into, which become f32 and writable. Ids of
// parameters change; references to model.encoder stay valid. kInvalidArgument: a negative rank or
// width, or one that makes the model too large; then nothing has changed.
Status SetAdapters(Model& model, const AdapterShape& shape, uint64_t seed);

// Without pairs: a model like any that is loaded. For 4 bytes a number of what was learned.
inline Status MergeAdapters(Model& model) { return SetAdapters(model, {}, 0); }

// The values of a parameter as f32, a matrix with its pair merged. Where B is zero, exactly the
// matrix.
std::vector<float> MergedValues(const Model& model, ParameterId id);

}  // namespace masr

#endif  // MOBILEASR_MODEL_ADAPTERS_H_
