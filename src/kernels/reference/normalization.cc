#include "kernels/reference/normalization.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace masr::reference {

void LayerNormForward(int64_t rows, int64_t dim, double epsilon, const double* x,
                      const double* gamma, const double* beta, double* y, double* mean,
                      double* inv_std) {
  for (int64_t r = 0; r < rows; ++r, x += dim, y += dim) {
    mean[r] = std::accumulate(x, x + dim, 0.0) / static_cast<double>(dim);
    double variance = 0.0;
    for (int64_t c = 0; c < dim; ++c) variance += (x[c] - mean[r]) * (x[c] - mean[r]);
    inv_std[r] = 1.0 / std::sqrt(variance / static_cast<double>(dim) + epsilon);
    for (int64_t c = 0; c < dim; ++c) {
      y[c] = (x[c] - mean[r]) * inv_std[r] * gamma[c] + beta[c];
    }
  }
}

void LayerNormBackward(int64_t rows, int64_t dim, const double* x, const double* gamma,
                       const double* mean, const double* inv_std, const double* dy, double* dx,
                       double* dgamma, double* dbeta) {
  for (int64_t r = 0; r < rows; ++r, x += dim, dy += dim, dx += dim) {
    double sum = 0.0;
    double dot = 0.0;
    for (int64_t c = 0; c < dim; ++c) {
      const double normal = (x[c] - mean[r]) * inv_std[r];
      dgamma[c] += dy[c] * normal;
      dbeta[c] += dy[c];
      sum += dy[c] * gamma[c];
      dot += dy[c] * gamma[c] * normal;
    }
    for (int64_t c = 0; c < dim; ++c) {
      const double normal = (x[c] - mean[r]) * inv_std[r];
      dx[c] = inv_std[r] * (dy[c] * gamma[c] - (sum + normal * dot) / static_cast<double>(dim));
    }
  }
}

void BatchNormForward(int64_t rows, int64_t dim, double epsilon, const double* x,
                      const double* mean, const double* variance, const double* gamma,
                      const double* beta, double* y) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < dim; ++c) {
      const double normal = (x[r * dim + c] - mean[c]) / std::sqrt(variance[c] + epsilon);
      y[r * dim + c] = normal * gamma[c] + beta[c];
    }
  }
}

void BatchNormBackward(int64_t rows, int64_t dim, double epsilon, const double* x,
                       const double* mean, const double* variance, const double* gamma,
                       const double* dy, double* dx, double* dgamma, double* dbeta) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < dim; ++c) {
      const double g = dy[r * dim + c];
      const double deviation = std::sqrt(variance[c] + epsilon);
      dgamma[c] += g * (x[r * dim + c] - mean[c]) / deviation;
      dbeta[c] += g;
      dx[r * dim + c] = g * gamma[c] / deviation;
    }
  }
}

void SoftmaxForward(int64_t rows, int64_t dim, const double* x, double* y) {
  LogSoftmaxForward(rows, dim, x, y);
  for (int64_t i = 0; i < rows * dim; ++i) y[i] = std::exp(y[i]);
}

void SoftmaxBackward(int64_t rows, int64_t dim, const double* y, const double* dy, double* dx) {
  for (int64_t r = 0; r < rows; ++r, y += dim, dy += dim, dx += dim) {
    const double dot = std::inner_product(y, y + dim, dy, 0.0);
    for (int64_t c = 0; c < dim; ++c) dx[c] = y[c] * (dy[c] - dot);
  }
}

void LogSoftmaxForward(int64_t rows, int64_t dim, const double* x, double* y) {
  for (int64_t r = 0; r < rows; ++r, x += dim, y += dim) {
    const double highest = *std::max_element(x, x + dim);
    double sum = 0.0;
    for (int64_t c = 0; c < dim; ++c) sum += std::exp(x[c] - highest);
    for (int64_t c = 0; c < dim; ++c) y[c] = x[c] - highest - std::log(sum);
  }
}

}  // namespace masr::reference
