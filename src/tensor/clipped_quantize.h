// int8 weights of models from elsewhere, whose rows may have outliers.
#ifndef MOBILEASR_TENSOR_CLIPPED_QUANTIZE_H_
#define MOBILEASR_TENSOR_CLIPPED_QUANTIZE_H_

#include <cstdint>

namespace masr {

// As QuantizeRows, but values beyond a clip become +-127: of clips at 100, 95, ... 50 % of the
// row's largest magnitude the one with the least squared error over the row (Banner et al., 2019,
// and Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 2.2, have the
// trade-off of clipping and rounding). Never worse than QuantizeRows, and the same for a row that
// was quantised already.
void QuantizeRowsClipped(int64_t rows, int64_t cols, const float* values, int8_t* out,
                         float* scales);

}  // namespace masr

#endif  // MOBILEASR_TENSOR_CLIPPED_QUANTIZE_H_
