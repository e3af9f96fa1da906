// A recogniser as an ONNX file, for inference elsewhere.
#ifndef MOBILEASR_CONVERT_ONNX_H_
#define MOBILEASR_CONVERT_ONNX_H_

#include <string>

#include "base/result.h"
#include "model/model.h"

namespace masr {

// One file, f32, operator set 17, from the wave to log-probabilities:
//   in    samples [batch, samples]            f32 in [-1, 1] at the model's rate, of equal lengths
//   out   log_probs [batch, frames, tokens]   natural logarithms; token 0 is CTC's blank
// Metadata: mobileasr.name, mobileasr.sample_rate_hz, mobileasr.tokens (JSON, the blank first as
// an empty string). Learned low-rank pairs are merged.
// kUnsupported: features that are normalised by what was heard before (kRunning), or more than the
// 2 GB that one ONNX file may have.
Status ExportOnnx(const Model& model, const std::string& path);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_ONNX_H_
