#include "kernels/reference/recurrent.h"

#include <cmath>
#include <vector>

namespace masr::reference {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// The row of an utterance's step, in the order in which the recurrence visits them.
int64_t RowOf(int64_t begin, int64_t end, int64_t step, bool reverse) {
  return reverse ? end - 1 - step : begin + step;
}

void LstmCell(int64_t hidden, double* gates, const double* recurrent, const double* previous_c,
              double* c, double* h) {
  for (int64_t k = 0; k < hidden; ++k) {
    double* i = gates + k;
    double* f = gates + hidden + k;
    double* g = gates + 2 * hidden + k;
    double* o = gates + 3 * hidden + k;
    *i = Sigmoid(*i + recurrent[k]);
    *f = Sigmoid(*f + recurrent[hidden + k]);
    *g = std::tanh(*g + recurrent[2 * hidden + k]);
    *o = Sigmoid(*o + recurrent[3 * hidden + k]);
    c[k] = *i * *g + (previous_c == nullptr ? 0.0 : *f * previous_c[k]);
    h[k] = *o * std::tanh(c[k]);
  }
}

void GruCell(int64_t hidden, double* gates, const double* recurrent, const double* previous_h,
             double* saved, double* h) {
  for (int64_t k = 0; k < hidden; ++k) {
    double* r = gates + k;
    double* z = gates + hidden + k;
    double* n = gates + 2 * hidden + k;
    *r = Sigmoid(*r + recurrent[k]);
    *z = Sigmoid(*z + recurrent[hidden + k]);
    saved[k] = recurrent[2 * hidden + k];
    *n = std::tanh(*n + *r * saved[k]);
    h[k] = (1.0 - *z) * *n + (previous_h == nullptr ? 0.0 : *z * previous_h[k]);
  }
}

// Gates become gradients of the pre-activation gates; dc goes from this step to the one before.
void LstmCellBackward(int64_t hidden, double* gates, const double* previous_c, const double* c,
                      const std::vector<double>& dh, std::vector<double>& dc,
                      std::vector<double>& recurrent) {
  for (int64_t k = 0; k < hidden; ++k) {
    const double i = gates[k];
    const double f = gates[hidden + k];
    const double g = gates[2 * hidden + k];
    const double o = gates[3 * hidden + k];
    const double tanh_c = std::tanh(c[k]);
    dc[k] += dh[k] * o * (1.0 - tanh_c * tanh_c);
    gates[k] = dc[k] * g * i * (1.0 - i);
    gates[hidden + k] = previous_c == nullptr ? 0.0 : dc[k] * previous_c[k] * f * (1.0 - f);
    gates[2 * hidden + k] = dc[k] * i * (1.0 - g * g);
    gates[3 * hidden + k] = dh[k] * tanh_c * o * (1.0 - o);
    dc[k] *= f;
  }
  recurrent.assign(gates, gates + 4 * hidden);
}

// `direct` is the part of dh that goes around the gates to the step before.
void GruCellBackward(int64_t hidden, double* gates, const double* previous_h, const double* saved,
                     const std::vector<double>& dh, std::vector<double>& direct,
                     std::vector<double>& recurrent) {
  for (int64_t k = 0; k < hidden; ++k) {
    const double r = gates[k];
    const double z = gates[hidden + k];
    const double n = gates[2 * hidden + k];
    const double before = previous_h == nullptr ? 0.0 : previous_h[k];
    const double dn = dh[k] * (1.0 - z) * (1.0 - n * n);
    gates[k] = dn * saved[k] * r * (1.0 - r);
    gates[hidden + k] = dh[k] * (before - n) * z * (1.0 - z);
    gates[2 * hidden + k] = dn;
    direct[k] = dh[k] * z;
    recurrent[k] = gates[k];
    recurrent[hidden + k] = gates[hidden + k];
    recurrent[2 * hidden + k] = dn * r;
  }
}

}  // namespace

void RecurrentForward(Offsets offsets, const RecurrentShape& shape, double* gates,
                      const double* w_hh, const double* b_hh, double* saved, double* h,
                      int64_t h_stride) {
  const int64_t hidden = shape.hidden;
  const int64_t width = shape.gates() * hidden;
  std::vector<double> recurrent(static_cast<size_t>(width));
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    for (int64_t step = 0; step < offsets[u + 1] - offsets[u]; ++step) {
      const int64_t row = RowOf(offsets[u], offsets[u + 1], step, shape.reverse);
      const int64_t before = shape.reverse ? row + 1 : row - 1;
      const double* previous_h = step == 0 ? nullptr : h + before * h_stride;
      for (int64_t n = 0; n < width; ++n) {
        recurrent[n] = b_hh == nullptr ? 0.0 : b_hh[n];
        for (int64_t k = 0; previous_h != nullptr && k < hidden; ++k) {
          recurrent[n] += w_hh[n * hidden + k] * previous_h[k];
        }
      }
      if (shape.cell == Cell::kLstm) {
        LstmCell(hidden, gates + row * width, recurrent.data(),
                 step == 0 ? nullptr : saved + before * hidden, saved + row * hidden,
                 h + row * h_stride);
      } else {
        GruCell(hidden, gates + row * width, recurrent.data(), previous_h, saved + row * hidden,
                h + row * h_stride);
      }
    }
  }
}

void RecurrentBackward(Offsets offsets, const RecurrentShape& shape, double* gates,
                       const double* w_hh, const double* saved, const double* h, int64_t h_stride,
                       const double* dh, double* dw_hh, double* db_hh) {
  const int64_t hidden = shape.hidden;
  const int64_t width = shape.gates() * hidden;
  for (size_t u = 0; u + 1 < offsets.size(); ++u) {
    std::vector<double> total(static_cast<size_t>(hidden));
    // The LSTM's dc, the GRU's share of dh that bypasses the gates.
    std::vector<double> carried(static_cast<size_t>(hidden), 0.0);
    std::vector<double> recurrent(static_cast<size_t>(width), 0.0);
    for (int64_t step = offsets[u + 1] - offsets[u] - 1; step >= 0; --step) {
      const int64_t row = RowOf(offsets[u], offsets[u + 1], step, shape.reverse);
      const int64_t before = shape.reverse ? row + 1 : row - 1;
      const double* previous_h = step == 0 ? nullptr : h + before * h_stride;
      for (int64_t k = 0; k < hidden; ++k) {
        total[k] = dh[row * h_stride + k] + (shape.cell == Cell::kGru ? carried[k] : 0.0);
        for (int64_t n = 0; n < width; ++n) total[k] += recurrent[n] * w_hh[n * hidden + k];
      }
      if (shape.cell == Cell::kLstm) {
        LstmCellBackward(hidden, gates + row * width, step == 0 ? nullptr : saved + before * hidden,
                         saved + row * hidden, total, carried, recurrent);
      } else {
        GruCellBackward(hidden, gates + row * width, previous_h, saved + row * hidden, total,
                        carried, recurrent);
      }
      for (int64_t n = 0; n < width; ++n) {
        db_hh[n] += recurrent[n];
        for (int64_t k = 0; previous_h != nullptr && k < hidden; ++k) {
          dw_hh[n * hidden + k] += recurrent[n] * previous_h[k];
        }
      }
    }
  }
}

}  // namespace masr::reference
