#include "kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace masr::reference {

void RelativePositions(int64_t max_frames, int64_t dim, double* out) {
  for (int64_t p = 0; p < 2 * max_frames - 1; ++p) {
    const double distance = static_cast<double>(max_frames - 1 - p);
    for (int64_t c = 0; c < dim / 2; ++c) {
      const double angle =
          distance / std::pow(10000.0, 2.0 * static_cast<double>(c) / static_cast<double>(dim));
      out[p * dim + 2 * c] = std::sin(angle);
      out[p * dim + 2 * c + 1] = std::cos(angle);
    }
  }
}

void RelativeAttentionForward(Offsets offsets, const AttentionShape& shape, const double* q,
                              const double* k, const double* v, int64_t stride, const double* r,
                              const double* u, const double* w, double* probabilities,
                              double* out) {
  const int64_t width = shape.head_dim();
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  for (size_t utterance = 0; utterance + 1 < offsets.size(); ++utterance) {
    const int64_t row = offsets[utterance];
    const int64_t frames = offsets[utterance + 1] - row;
    for (int64_t head = 0; head < shape.heads; ++head, probabilities += frames * frames) {
      const int64_t column = head * width;
      for (int64_t i = 0; i < frames; ++i) {
        double* p = probabilities + i * frames;
        for (int64_t j = 0; j < frames; ++j) {
          double score = 0.0;
          for (int64_t c = column; c < column + width; ++c) {
            const double query = q[(row + i) * stride + c];
            score += (query + (u == nullptr ? 0.0 : u[c])) * k[(row + j) * stride + c];
            if (r == nullptr) continue;
            score += (query + w[c]) * r[(shape.max_frames - 1 - (i - j)) * shape.dim + c];
          }
          p[j] = score * scale;
        }
        const double highest = *std::max_element(p, p + frames);
        double sum = 0.0;
        for (int64_t j = 0; j < frames; ++j) sum += p[j] = std::exp(p[j] - highest);
        for (int64_t j = 0; j < frames; ++j) p[j] /= sum;
        for (int64_t c = column; c < column + width; ++c) {
          double mixed = 0.0;
          for (int64_t j = 0; j < frames; ++j) mixed += p[j] * v[(row + j) * stride + c];
          out[(row + i) * shape.dim + c] = mixed;
        }
      }
    }
  }
}

void RelativeAttentionBackward(Offsets offsets, const AttentionShape& shape, const double* q,
                               const double* k, const double* v, int64_t stride, const double* r,
                               const double* u, const double* w, const double* probabilities,
                               const double* dout, double* dq, double* dk, double* dv, double* dr,
                               double* du, double* dw) {
  const int64_t width = shape.head_dim();
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  for (int64_t row = 0; row < offsets.back(); ++row) {
    for (double* gradient : {dq, dk, dv}) std::fill_n(gradient + row * stride, shape.dim, 0.0);
  }
  if (r != nullptr) std::fill_n(dr, shape.positions() * shape.dim, 0.0);
  for (size_t utterance = 0; utterance + 1 < offsets.size(); ++utterance) {
    const int64_t row = offsets[utterance];
    const int64_t frames = offsets[utterance + 1] - row;
    std::vector<double> dp(static_cast<size_t>(frames));
    for (int64_t head = 0; head < shape.heads; ++head, probabilities += frames * frames) {
      const int64_t column = head * width;
      for (int64_t i = 0; i < frames; ++i) {
        const double* p = probabilities + i * frames;
        double dot = 0.0;
        for (int64_t j = 0; j < frames; ++j) {
          dp[j] = 0.0;
          for (int64_t c = column; c < column + width; ++c) {
            const double gradient = dout[(row + i) * shape.dim + c];
            dp[j] += gradient * v[(row + j) * stride + c];
            dv[(row + j) * stride + c] += gradient * p[j];
          }
          dot += p[j] * dp[j];
        }
        for (int64_t j = 0; j < frames; ++j) {
          const double ds = p[j] * (dp[j] - dot) * scale;
          for (int64_t c = column; c < column + width; ++c) {
            const int64_t at_query = (row + i) * stride + c;
            const int64_t at_key = (row + j) * stride + c;
            dq[at_query] += ds * k[at_key];
            dk[at_key] += ds * (q[at_query] + (u == nullptr ? 0.0 : u[c]));
            if (r == nullptr) continue;
            const int64_t at_position = (shape.max_frames - 1 - (i - j)) * shape.dim + c;
            du[c] += ds * k[at_key];
            dw[c] += ds * r[at_position];
            dq[at_query] += ds * r[at_position];
            dr[at_position] += ds * (q[at_query] + w[c]);
          }
        }
      }
    }
  }
}

}  // namespace masr::reference
