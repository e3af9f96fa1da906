#include "kernels/normalization.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/normalization.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {
namespace {

const hn::ScalableTag<float> df;
using V = hn::Vec<decltype(df)>;

HWY_INLINE float Sum(V v) { return hn::GetLane(hn::SumOfLanes(df, v)); }

void LayerNormForwardRow(size_t dim, float epsilon, const float* x, const float* gamma,
                         const float* beta, float* y, float* mean, float* inv_std) {
  const size_t lanes = hn::Lanes(df);
  V sum = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    sum = hn::Add(sum, LoadPartial(df, x + i, std::min(lanes, dim - i)));
  }
  const float row_mean = Sum(sum) / static_cast<float>(dim);
  const V vmean = hn::Set(df, row_mean);
  // A second pass: E[x^2] - E[x]^2 cancels when the mean is large.
  V squares = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V difference = hn::Sub(LoadPartial(df, x + i, count), vmean);
    const V valid = hn::IfThenElseZero(hn::FirstN(df, count), difference);
    squares = hn::MulAdd(valid, valid, squares);
  }
  const float variance = Sum(squares) / static_cast<float>(dim);
  const float row_inv_std = 1.0f / std::sqrt(variance + epsilon);
  const V scale = hn::Set(df, row_inv_std);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V normal = hn::Mul(hn::Sub(LoadPartial(df, x + i, count), vmean), scale);
    const V out =
        hn::MulAdd(normal, LoadPartial(df, gamma + i, count), LoadPartial(df, beta + i, count));
    StorePartial(df, out, y + i, count);
  }
  if (mean != nullptr) *mean = row_mean;
  if (inv_std != nullptr) *inv_std = row_inv_std;
}

// With g = dy * gamma and n = (x - mean) * inv_std: dx = inv_std * (g - mean(g) - n * mean(g * n)).
void LayerNormBackwardRow(size_t dim, const float* x, const float* gamma, float mean, float inv_std,
                          const float* dy, float* dx) {
  const size_t lanes = hn::Lanes(df);
  const V vmean = hn::Set(df, mean);
  const V scale = hn::Set(df, inv_std);
  V sum = hn::Zero(df);
  V dot = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V g = hn::Mul(LoadPartial(df, dy + i, count), LoadPartial(df, gamma + i, count));
    const V normal = hn::Mul(hn::Sub(LoadPartial(df, x + i, count), vmean), scale);
    sum = hn::Add(sum, g);
    dot = hn::MulAdd(g, normal, dot);
  }
  const V g_mean = hn::Set(df, Sum(sum) / static_cast<float>(dim));
  const V dot_mean = hn::Set(df, Sum(dot) / static_cast<float>(dim));
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V g = hn::Mul(LoadPartial(df, dy + i, count), LoadPartial(df, gamma + i, count));
    const V normal = hn::Mul(hn::Sub(LoadPartial(df, x + i, count), vmean), scale);
    const V out = hn::Mul(scale, hn::NegMulAdd(normal, dot_mean, hn::Sub(g, g_mean)));
    StorePartial(df, out, dx + i, count);
  }
}

// Adds the sums over all rows of dy * (x - mean) * inv_std, and of dy.
void LayerNormColumns(int64_t rows, int64_t dim, size_t columns, const float* x, const float* mean,
                      const float* inv_std, const float* dy, float* dgamma, float* dbeta) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    V gamma_sum = hn::Zero(df);
    V beta_sum = hn::Zero(df);
    for (int64_t r = 0; r < rows; ++r) {
      const V g = LoadPartial(df, dy + r * dim + i, count);
      const V difference = hn::Sub(LoadPartial(df, x + r * dim + i, count), hn::Set(df, mean[r]));
      gamma_sum = hn::MulAdd(g, hn::Mul(difference, hn::Set(df, inv_std[r])), gamma_sum);
      beta_sum = hn::Add(beta_sum, g);
    }
    if (dgamma != nullptr) {
      StorePartial(df, hn::Add(LoadPartial(df, dgamma + i, count), gamma_sum), dgamma + i, count);
    }
    if (dbeta != nullptr) {
      StorePartial(df, hn::Add(LoadPartial(df, dbeta + i, count), beta_sum), dbeta + i, count);
    }
  }
}

void BatchNormColumns(int64_t rows, int64_t dim, size_t columns, const float* x, const float* mean,
                      const float* inv_std, const float* dy, float* dgamma, float* dbeta) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < columns; i += lanes) {
    const size_t count = std::min(lanes, columns - i);
    const V vmean = LoadPartial(df, mean + i, count);
    V gamma_sum = hn::Zero(df);
    V beta_sum = hn::Zero(df);
    for (int64_t r = 0; r < rows; ++r) {
      const V g = LoadPartial(df, dy + r * dim + i, count);
      const V difference = hn::Sub(LoadPartial(df, x + r * dim + i, count), vmean);
      gamma_sum = hn::MulAdd(g, difference, gamma_sum);
      beta_sum = hn::Add(beta_sum, g);
    }
    if (dgamma != nullptr) {
      const V scale = LoadPartial(df, inv_std + i, count);
      const V sum = hn::MulAdd(gamma_sum, scale, LoadPartial(df, dgamma + i, count));
      StorePartial(df, sum, dgamma + i, count);
    }
    if (dbeta != nullptr) {
      StorePartial(df, hn::Add(LoadPartial(df, dbeta + i, count), beta_sum), dbeta + i, count);
    }
  }
}

// y = (x - mean) * scale + shift; mean and shift may be null for zeros.
void AffineRow(size_t dim, const float* x, const float* mean, const float* scale,
               const float* shift, float* y) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    V value = LoadPartial(df, x + i, count);
    if (mean != nullptr) value = hn::Sub(value, LoadPartial(df, mean + i, count));
    const V added = shift != nullptr ? LoadPartial(df, shift + i, count) : hn::Zero(df);
    value = hn::MulAdd(value, LoadPartial(df, scale + i, count), added);
    StorePartial(df, value, y + i, count);
  }
}

float RowMax(size_t dim, const float* x) {
  const size_t lanes = hn::Lanes(df);
  V highest = hn::Set(df, x[0]);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V value = LoadPartial(df, x + i, count);
    highest = hn::Max(highest, hn::IfThenElse(hn::FirstN(df, count), value, highest));
  }
  return hn::GetLane(hn::MaxOfLanes(df, highest));
}

void SoftmaxForwardRow(size_t dim, const float* x, float* y) {
  const size_t lanes = hn::Lanes(df);
  const V highest = hn::Set(df, RowMax(dim, x));
  V sum = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V e = Exp(df, hn::Sub(LoadPartial(df, x + i, count), highest));
    sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(df, count), e));
    StorePartial(df, e, y + i, count);
  }
  const V scale = hn::Set(df, 1.0f / Sum(sum));
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    StorePartial(df, hn::Mul(LoadPartial(df, y + i, count), scale), y + i, count);
  }
}

void SoftmaxBackwardRow(size_t dim, const float* y, const float* dy, float* dx) {
  const size_t lanes = hn::Lanes(df);
  V sum = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    sum = hn::MulAdd(LoadPartial(df, y + i, count), LoadPartial(df, dy + i, count), sum);
  }
  const V dot = hn::Set(df, Sum(sum));
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V difference = hn::Sub(LoadPartial(df, dy + i, count), dot);
    StorePartial(df, hn::Mul(LoadPartial(df, y + i, count), difference), dx + i, count);
  }
}

void LogSoftmaxForwardRow(size_t dim, const float* x, float* y) {
  const size_t lanes = hn::Lanes(df);
  const V highest = hn::Set(df, RowMax(dim, x));
  V sum = hn::Zero(df);
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V e = Exp(df, hn::Sub(LoadPartial(df, x + i, count), highest));
    sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(df, count), e));
  }
  const V log_sum = hn::Set(df, std::log(Sum(sum)));
  // Two subtractions: with logits of 1e4, highest + log_sum would lose the digits of log_sum.
  for (size_t i = 0; i < dim; i += lanes) {
    const size_t count = std::min(lanes, dim - i);
    const V shifted = hn::Sub(LoadPartial(df, x + i, count), highest);
    StorePartial(df, hn::Sub(shifted, log_sum), y + i, count);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace masr {
namespace {

HWY_EXPORT(LayerNormForwardRow);
HWY_EXPORT(LayerNormBackwardRow);
HWY_EXPORT(LayerNormColumns);
HWY_EXPORT(BatchNormColumns);
HWY_EXPORT(AffineRow);
HWY_EXPORT(SoftmaxForwardRow);
HWY_EXPORT(SoftmaxBackwardRow);
HWY_EXPORT(LogSoftmaxForwardRow);

// One task's columns in sums over rows: whole cache lines, and enough tasks for narrow layers.
constexpr int64_t kColumns = 64;

template <class Task>
void ParallelColumns(const KernelContext& context, int64_t rows, int64_t dim, const Task& task) {
  ParallelTasks(context, DivideRoundUp(dim, kColumns), rows * dim, [&](int64_t index, int thread) {
    const int64_t begin = index * kColumns;
    task(begin, std::min(kColumns, dim - begin), thread);
  });
}

float* OrNull(float* p, int64_t offset) { return p == nullptr ? nullptr : p + offset; }

// gamma / sqrt(variance + epsilon) into the thread's scratch; gamma null means ones.
const float* BatchNormScale(const KernelContext& context, int thread, int64_t dim, float epsilon,
                            const float* variance, const float* gamma) {
  float* scale = context.threads.Scratch(thread).data();
  MASR_DCHECK(static_cast<size_t>(dim) <= ThreadPool::kScratchFloats);
  for (int64_t c = 0; c < dim; ++c) {
    scale[c] = (gamma != nullptr ? gamma[c] : 1.0f) / std::sqrt(variance[c] + epsilon);
  }
  return scale;
}

}  // namespace

void LayerNormForward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                      const float* x, const float* gamma, const float* beta, float* y, float* mean,
                      float* inv_std) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(LayerNormForwardRow)
      (dim, epsilon, x + r * dim, gamma, beta, y + r * dim, OrNull(mean, r), OrNull(inv_std, r));
    }
  });
}

void LayerNormBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                       const float* gamma, const float* mean, const float* inv_std, const float* dy,
                       float* dx, float* dgamma, float* dbeta) {
  // Parameters first: dx may overwrite dy.
  if (dgamma != nullptr || dbeta != nullptr) {
    ParallelColumns(context, rows, dim, [&](int64_t begin, int64_t columns, int) {
      HWY_DYNAMIC_DISPATCH(LayerNormColumns)
      (rows, dim, columns, x + begin, mean, inv_std, dy + begin, OrNull(dgamma, begin),
       OrNull(dbeta, begin));
    });
  }
  if (dx == nullptr) return;
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(LayerNormBackwardRow)
      (dim, x + r * dim, gamma, mean[r], inv_std[r], dy + r * dim, dx + r * dim);
    }
  });
}

void BatchNormForward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                      const float* x, const float* mean, const float* variance, const float* gamma,
                      const float* beta, float* y) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int thread) {
    const float* scale = BatchNormScale(context, thread, dim, epsilon, variance, gamma);
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(AffineRow)(dim, x + r * dim, mean, scale, beta, y + r * dim);
    }
  });
}

void BatchNormBackward(const KernelContext& context, int64_t rows, int64_t dim, float epsilon,
                       const float* x, const float* mean, const float* variance, const float* gamma,
                       const float* dy, float* dx, float* dgamma, float* dbeta) {
  // Parameters first: dx may overwrite dy.
  if (dgamma != nullptr || dbeta != nullptr) {
    ParallelColumns(context, rows, dim, [&](int64_t begin, int64_t columns, int thread) {
      const float* inv_std =
          BatchNormScale(context, thread, columns, epsilon, variance + begin, nullptr);
      HWY_DYNAMIC_DISPATCH(BatchNormColumns)
      (rows, dim, columns, x + begin, mean + begin, inv_std, dy + begin, OrNull(dgamma, begin),
       OrNull(dbeta, begin));
    });
  }
  if (dx == nullptr) return;
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int thread) {
    const float* scale = BatchNormScale(context, thread, dim, epsilon, variance, gamma);
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(AffineRow)(dim, dy + r * dim, nullptr, scale, nullptr, dx + r * dim);
    }
  });
}

void SoftmaxForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                    float* y) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(SoftmaxForwardRow)(dim, x + r * dim, y + r * dim);
    }
  });
}

void SoftmaxBackward(const KernelContext& context, int64_t rows, int64_t dim, const float* y,
                     const float* dy, float* dx) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(SoftmaxBackwardRow)(dim, y + r * dim, dy + r * dim, dx + r * dim);
    }
  });
}

void LogSoftmaxForward(const KernelContext& context, int64_t rows, int64_t dim, const float* x,
                       float* y) {
  ParallelRows(context, rows, dim, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(LogSoftmaxForwardRow)(dim, x + r * dim, y + r * dim);
    }
  });
}

}  // namespace masr
#endif  // HWY_ONCE
