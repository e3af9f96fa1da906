#include "ctc/ctc_loss.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace masr {
namespace {

// Log of zero that stays finite: sums of a few of these are still finite, and differences of two
// are never NaN.
constexpr float kLogZero = -1e30f;

using Target = std::span<const int32_t>;

// The lattice of one utterance: a blank before, between and after the labels. Blank i comes before
// label i. Values are natural logs of probabilities.
struct States {
  float* blank;  // [labels + 1]
  float* label;  // [labels]
};

States StatesAt(float* memory, int64_t labels) { return {memory, memory + labels + 1}; }

float LogAdd(float a, float b) {
  const float high = std::max(a, b);
  return high + std::log1p(std::exp(std::min(a, b) - high));
}

float LogAdd(float a, float b, float c) {
  const float high = std::max({a, b, c});
  return high + std::log(std::exp(a - high) + std::exp(b - high) + std::exp(c - high));
}

float LogSumExp(const float* values, int64_t n) {
  const float high = *std::max_element(values, values + n);
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(values[i] - high);
  return high + std::log(sum);
}

// Shifts the largest of values[n] to 0 and returns the shift. Single precision then spends its
// digits on the states that matter, however long the utterance.
float ShiftToZero(float* values, int64_t n) {
  const float high = *std::max_element(values, values + n);
  for (int64_t i = 0; i < n; ++i) values[i] -= high;
  return high;
}

// Whether a path may go from label i - 1 to label i without a blank.
bool MaySkipBlank(Target target, int64_t i) {
  return i > 0 && target[static_cast<size_t>(i)] != target[static_cast<size_t>(i - 1)];
}

class Utterance {
 public:
  Utterance(int64_t frames, int64_t tokens, int32_t blank, Target target, float* scratch)
      : frames_(frames),
        tokens_(tokens),
        blank_(blank),
        labels_(static_cast<int64_t>(target.size())),
        states_(2 * labels_ + 1),
        target_(target),
        normalizer_(scratch),
        alpha_(normalizer_ + frames),
        beta_(alpha_ + frames * states_),
        occupancy_(beta_ + states_),
        emission_(occupancy_ + states_) {}

  static int64_t ScratchFloats(int64_t frames, int64_t labels) {
    const int64_t states = 2 * labels + 1;
    return frames * (1 + states) + 2 * states + labels;
  }

  // -log p(target). Leaves alpha of every frame behind.
  float Forward(const float* logits);

  // `dlogits` may be `logits`: a frame is written when it is no longer read.
  void Backward(const float* logits, float scale, float* dlogits);

 private:
  States Alpha(int64_t t) { return StatesAt(alpha_ + t * states_, labels_); }
  States Beta() { return StatesAt(beta_, labels_); }

  // Log-probability of each label in frame t; returns the blank's.
  float GatherEmissions(const float* logits, int64_t t) {
    const float* row = logits + t * tokens_;
    for (int64_t i = 0; i < labels_; ++i) {
      emission_[i] = row[target_[static_cast<size_t>(i)]] - normalizer_[t];
    }
    return row[blank_] - normalizer_[t];
  }

  void StepAlpha(States previous, float blank_emission, States next) const;
  void StepBeta(float blank_emission);
  void FrameGradient(int64_t t, const float* logits, float scale, float* dlogits);

  const int64_t frames_;
  const int64_t tokens_;
  const int32_t blank_;
  const int64_t labels_;
  const int64_t states_;
  const Target target_;
  float* const normalizer_;  // [frames]: log of the sum over tokens of exp(logit)
  float* const alpha_;       // [frames, states], each frame shifted
  float* const beta_;        // [states] of one frame, without its emissions, shifted
  float* const occupancy_;   // [states] of one frame
  float* const emission_;    // [labels] of one frame
};

void Utterance::StepAlpha(States previous, float blank_emission, States next) const {
  next.blank[0] = previous.blank[0] + blank_emission;
  for (int64_t i = 0; i < labels_; ++i) {
    next.blank[i + 1] = LogAdd(previous.blank[i + 1], previous.label[i]) + blank_emission;
    const float skipped = MaySkipBlank(target_, i) ? previous.label[i - 1] : kLogZero;
    next.label[i] = LogAdd(previous.label[i], previous.blank[i], skipped) + emission_[i];
  }
}

float Utterance::Forward(const float* logits) {
  for (int64_t t = 0; t < frames_; ++t) {
    normalizer_[t] = LogSumExp(logits + t * tokens_, tokens_);
  }

  double log_scale = 0;
  for (int64_t t = 0; t < frames_; ++t) {
    const float blank_emission = GatherEmissions(logits, t);
    const States alpha = Alpha(t);
    if (t == 0) {
      std::fill(alpha.blank, alpha.blank + states_, kLogZero);
      alpha.blank[0] = blank_emission;
      if (labels_ > 0) alpha.label[0] = emission_[0];
    } else {
      StepAlpha(Alpha(t - 1), blank_emission, alpha);
    }
    log_scale += ShiftToZero(alpha.blank, states_);
  }

  const States last = Alpha(frames_ - 1);
  const float log_end =
      labels_ > 0 ? LogAdd(last.blank[labels_], last.label[labels_ - 1]) : last.blank[0];
  return static_cast<float>(-(log_scale + log_end));
}

// From beta of a frame to that of the frame before. emission_ is of the former.
void Utterance::StepBeta(float blank_emission) {
  const States beta = Beta();
  // In place: state by state in time's direction, each reads only itself and what comes after.
  for (int64_t i = 0; i < labels_; ++i) {
    const float label = beta.label[i] + emission_[i];
    beta.blank[i] = LogAdd(beta.blank[i] + blank_emission, label);
    const float skipped = i + 1 < labels_ && MaySkipBlank(target_, i + 1)
                              ? beta.label[i + 1] + emission_[i + 1]
                              : kLogZero;
    beta.label[i] = LogAdd(label, beta.blank[i + 1] + blank_emission, skipped);
  }
  beta.blank[labels_] += blank_emission;
  ShiftToZero(beta.blank, states_);
}

// dloss/dlogit = softmax - occupancy of the token (Graves et al., 2006, equation 16). The
// occupancies of a frame sum to 1, so that the shifts of alpha and beta need not be known.
void Utterance::FrameGradient(int64_t t, const float* logits, float scale, float* dlogits) {
  const float* row = logits + t * tokens_;
  float* gradient = dlogits + t * tokens_;
  for (int64_t k = 0; k < tokens_; ++k) {
    gradient[k] = scale * std::exp(row[k] - normalizer_[t]);
  }

  const float* alpha = Alpha(t).blank;
  for (int64_t s = 0; s < states_; ++s) occupancy_[s] = alpha[s] + beta_[s];
  ShiftToZero(occupancy_, states_);
  float total = 0;
  for (int64_t s = 0; s < states_; ++s) {
    occupancy_[s] = std::exp(occupancy_[s]);
    total += occupancy_[s];
  }
  const float share = scale / total;
  float blanks = 0;
  for (int64_t i = 0; i <= labels_; ++i) blanks += occupancy_[i];
  gradient[blank_] -= share * blanks;
  for (int64_t i = 0; i < labels_; ++i) {
    gradient[target_[static_cast<size_t>(i)]] -= share * occupancy_[labels_ + 1 + i];
  }
}

void Utterance::Backward(const float* logits, float scale, float* dlogits) {
  const States beta = Beta();
  std::fill(beta.blank, beta.blank + states_, kLogZero);
  beta.blank[labels_] = 0;
  if (labels_ > 0) beta.label[labels_ - 1] = 0;
  for (int64_t t = frames_ - 1; t >= 0; --t) {
    const float blank_emission = GatherEmissions(logits, t);
    FrameGradient(t, logits, scale, dlogits);
    StepBeta(blank_emission);
  }
}

}  // namespace

int64_t CtcMinimumFrames(Target target) {
  auto frames = static_cast<int64_t>(target.size());
  for (size_t i = 1; i < target.size(); ++i) frames += target[i] == target[i - 1] ? 1 : 0;
  return frames;
}

int64_t CtcScratchFloats(Offsets offsets, std::span<const Target> targets) {
  int64_t floats = 0;
  for (size_t u = 0; u < targets.size(); ++u) {
    floats += Utterance::ScratchFloats(offsets[u + 1] - offsets[u],
                                       static_cast<int64_t>(targets[u].size()));
  }
  return floats;
}

void CtcLoss(const KernelContext& context, Offsets offsets, int64_t tokens, int32_t blank,
             const float* logits, std::span<const Target> targets, std::span<const float> scales,
             float* losses, float* dlogits, float* scratch) {
  MASR_DCHECK(offsets.size() == targets.size() + 1 && scales.size() == targets.size());
  context.threads.ParallelFor(targets.size(), [&](size_t u, int) {
    const int64_t frames = offsets[u + 1] - offsets[u];
    MASR_DCHECK(frames >= CtcMinimumFrames(targets[u]));
    if (frames == 0) {
      losses[u] = 0;  // no frames, no labels: certain
      return;
    }
    float* own_scratch = scratch + CtcScratchFloats(offsets.first(u + 1), targets.first(u));
    const int64_t first = offsets[u] * tokens;
    Utterance utterance(frames, tokens, blank, targets[u], own_scratch);
    losses[u] = utterance.Forward(logits + first);
    if (dlogits != nullptr) utterance.Backward(logits + first, scales[u], dlogits + first);
  });
}

}  // namespace masr
