#include "ctc/ctc_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "io/file.h"
#include "io/json.h"

namespace masr {
namespace {

using Tokens = std::vector<int32_t>;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Batch {
  int64_t tokens = 0;
  int32_t blank = 0;
  std::vector<int64_t> frames;
  std::vector<Tokens> targets;
  std::vector<float> logits;  // packed
  std::vector<float> scales;
};

struct Outcome {
  std::vector<float> losses;
  std::vector<float> gradient;
};

Outcome Evaluate(const Batch& batch, int threads = 1, bool in_place = false,
                 bool want_gradient = true) {
  ThreadPool pool(threads);
  std::vector<int64_t> offsets = {0};
  for (int64_t frames : batch.frames) offsets.push_back(offsets.back() + frames);
  std::vector<std::span<const int32_t>> targets(batch.targets.begin(), batch.targets.end());
  std::vector<float> scales = batch.scales;
  if (scales.empty()) scales.assign(targets.size(), 1.0f);
  EXPECT_EQ(batch.logits.size(), static_cast<size_t>(offsets.back() * batch.tokens));

  // What is beyond the scratch must stay as it is, and what is in it may be anything.
  const auto floats = static_cast<size_t>(CtcScratchFloats(offsets, targets));
  std::vector<float> scratch(floats + 8, kNaN);
  std::fill(scratch.end() - 8, scratch.end(), 42.0f);

  Outcome outcome;
  outcome.losses.assign(targets.size(), kNaN);
  outcome.gradient = in_place ? batch.logits : std::vector<float>(batch.logits.size(), kNaN);
  const float* logits = in_place ? outcome.gradient.data() : batch.logits.data();
  CtcLoss({pool}, offsets, batch.tokens, batch.blank, logits, targets, scales,
          outcome.losses.data(), want_gradient ? outcome.gradient.data() : nullptr, scratch.data());
  for (size_t i = floats; i < scratch.size(); ++i) EXPECT_EQ(scratch[i], 42.0f);
  return outcome;
}

std::vector<float> RandomLogits(int64_t frames, int64_t tokens, uint64_t seed, double size = 2) {
  Rng rng(seed);
  std::vector<float> logits(static_cast<size_t>(frames * tokens));
  for (float& x : logits) x = static_cast<float>(size * rng.Normal());
  return logits;
}

Batch One(int64_t frames, int64_t tokens, Tokens target, std::vector<float> logits,
          int32_t blank = 0) {
  Batch batch;
  batch.tokens = tokens;
  batch.blank = blank;
  batch.frames = {frames};
  batch.targets = {std::move(target)};
  batch.logits = std::move(logits);
  return batch;
}

// Log-softmax in double.
std::vector<double> LogProbabilities(const Batch& batch, int64_t frames) {
  std::vector<double> logs;
  for (int64_t t = 0; t < frames; ++t) {
    const float* row = batch.logits.data() + t * batch.tokens;
    double sum = 0;
    for (int64_t k = 0; k < batch.tokens; ++k) sum += std::exp(static_cast<double>(row[k]));
    for (int64_t k = 0; k < batch.tokens; ++k) logs.push_back(row[k] - std::log(sum));
  }
  return logs;
}

// The definition: the probabilities of all paths that collapse to the target, added up.
double BruteForceLoss(const Batch& batch) {
  const int64_t frames = batch.frames[0];
  const std::vector<double> logs = LogProbabilities(batch, frames);
  int64_t paths = 1;
  for (int64_t t = 0; t < frames; ++t) paths *= batch.tokens;
  double total = 0;
  for (int64_t path = 0; path < paths; ++path) {
    Tokens collapsed;
    double log_path = 0;
    int64_t rest = path;
    int32_t previous = batch.blank;
    for (int64_t t = 0; t < frames; ++t, rest /= batch.tokens) {
      const auto token = static_cast<int32_t>(rest % batch.tokens);
      log_path += logs[static_cast<size_t>(t * batch.tokens + token)];
      if (token != batch.blank && token != previous) collapsed.push_back(token);
      previous = token;
    }
    if (collapsed == batch.targets[0]) total += std::exp(log_path);
  }
  return -std::log(total);
}

TEST(CtcLoss, MinimumFrames) {
  EXPECT_EQ(CtcMinimumFrames(Tokens{}), 0);
  EXPECT_EQ(CtcMinimumFrames(Tokens{3}), 1);
  EXPECT_EQ(CtcMinimumFrames(Tokens{1, 2, 1}), 3);
  EXPECT_EQ(CtcMinimumFrames(Tokens{1, 1}), 3);
  EXPECT_EQ(CtcMinimumFrames(Tokens{1, 1, 1, 2, 2}), 8);
}

TEST(CtcLoss, MinimumFramesIsExactlyWhereAPathExists) {
  for (const Tokens& target : {Tokens{}, Tokens{1}, Tokens{1, 2}, Tokens{1, 1}, Tokens{2, 2, 1}}) {
    for (int64_t frames = 1; frames <= 5; ++frames) {
      const Batch batch = One(frames, 3, target, RandomLogits(frames, 3, 1));
      EXPECT_EQ(std::isfinite(BruteForceLoss(batch)), frames >= CtcMinimumFrames(target));
    }
  }
}

TEST(CtcLoss, EqualsTheSumOverAllPaths) {
  const Tokens targets[] = {{}, {1}, {2}, {1, 2}, {1, 1}, {2, 1, 2}, {1, 2, 2}, {2, 2, 2}};
  for (int64_t frames = 1; frames <= 6; ++frames) {
    for (const Tokens& target : targets) {
      if (frames < CtcMinimumFrames(target)) continue;
      for (int32_t blank : {0, 3}) {
        const Batch batch =
            One(frames, 4, target, RandomLogits(frames, 4, static_cast<uint64_t>(frames)), blank);
        const double expected = BruteForceLoss(batch);
        EXPECT_NEAR(Evaluate(batch).losses[0], expected, 2e-6 * std::max(1.0, expected));
      }
    }
  }
}

TEST(CtcLoss, AnEmptyTargetIsAllBlanks) {
  const Batch batch = One(5, 3, {}, RandomLogits(5, 3, 2));
  const auto logs = LogProbabilities(batch, 5);
  double expected = 0;
  for (size_t t = 0; t < 5; ++t) expected -= logs[t * 3];
  const Outcome outcome = Evaluate(batch);
  EXPECT_NEAR(outcome.losses[0], expected, 1e-5);
  for (size_t t = 0; t < 5; ++t) {
    EXPECT_NEAR(outcome.gradient[t * 3], std::exp(logs[t * 3]) - 1, 1e-6);
    EXPECT_NEAR(outcome.gradient[t * 3 + 1], std::exp(logs[t * 3 + 1]), 1e-6);
  }
}

TEST(CtcLoss, NoFramesAndNoLabelsCostNothing) {
  Batch batch = One(0, 3, {}, {});
  EXPECT_EQ(Evaluate(batch).losses[0], 0.0f);
  batch.frames = {2, 0, 1};
  batch.targets = {{1}, {}, {2}};
  batch.logits = RandomLogits(3, 3, 3);
  const Outcome outcome = Evaluate(batch);
  EXPECT_EQ(outcome.losses[1], 0.0f);
  EXPECT_GT(outcome.losses[2], 0.0f);
}

TEST(CtcLoss, ClosedFormCosts) {
  // One frame: cross entropy. Uniform over 4 tokens: log 4.
  EXPECT_NEAR(Evaluate(One(1, 4, {2}, {7, 7, 7, 7})).losses[0], std::log(4.0), 1e-6);
  // Uniform logits: every one of tokens^frames paths costs the same. "a" in T frames has
  // T (T + 1) / 2 paths, one for each first and last frame of the label.
  for (int64_t frames : {1, 2, 7, 50}) {
    const double paths = 0.5 * static_cast<double>(frames * (frames + 1));
    const double expected = static_cast<double>(frames) * std::log(5.0) - std::log(paths);
    const std::vector<float> zeros(static_cast<size_t>(frames * 5), 0.0f);
    EXPECT_NEAR(Evaluate(One(frames, 5, {3}, zeros)).losses[0], expected, 1e-5 * expected);
  }
  // As many frames as labels: one path.
  EXPECT_NEAR(Evaluate(One(3, 4, {1, 2, 3}, std::vector<float>(12, 0.0f))).losses[0],
              3 * std::log(4.0), 1e-5);
  // A repeat in three frames: only label, blank, label.
  EXPECT_NEAR(Evaluate(One(3, 4, {1, 1}, std::vector<float>(12, 0.0f))).losses[0],
              3 * std::log(4.0), 1e-5);
}

TEST(CtcLoss, ACertainPathCostsNothing) {
  const Tokens path = {0, 1, 1, 0, 2, 0};
  std::vector<float> logits(18, 0.0f);
  for (size_t t = 0; t < path.size(); ++t) logits[t * 3 + static_cast<size_t>(path[t])] = 80;
  const Outcome outcome = Evaluate(One(6, 3, {1, 2}, logits));
  EXPECT_NEAR(outcome.losses[0], 0, 1e-6);
  for (float g : outcome.gradient) EXPECT_NEAR(g, 0, 1e-6);
}

// d loss / d logit by central differences of the definition, in double.
TEST(CtcLoss, GradientEqualsNumericDerivative) {
  for (const Tokens& target : {Tokens{}, Tokens{1}, Tokens{1, 2}, Tokens{2, 2}, Tokens{1, 2, 1}}) {
    Batch batch = One(5, 3, target, RandomLogits(5, 3, 11));
    batch.scales = {0.25f};
    const Outcome outcome = Evaluate(batch);
    for (size_t i = 0; i < batch.logits.size(); ++i) {
      constexpr float kStep = 1.0f / 1024;
      Batch high = batch, low = batch;
      high.logits[i] += kStep;
      low.logits[i] -= kStep;
      const double span = static_cast<double>(high.logits[i]) - low.logits[i];
      const double numeric = (BruteForceLoss(high) - BruteForceLoss(low)) / span;
      EXPECT_NEAR(outcome.gradient[i], 0.25 * numeric, 2e-6) << "logit " << i;
    }
  }
}

TEST(CtcLoss, TheGradientOfAFrameSumsToZero) {
  const Batch batch = One(200, 30, Tokens(80, 7), RandomLogits(200, 30, 4, 5));
  ASSERT_LE(CtcMinimumFrames(batch.targets[0]), 200);
  const Outcome outcome = Evaluate(batch);
  for (size_t t = 0; t < 200; ++t) {
    double sum = 0;
    for (size_t k = 0; k < 30; ++k) sum += outcome.gradient[t * 30 + k];
    EXPECT_NEAR(sum, 0, 1e-5);
  }
}

// The same recursion in double, without shifts.
double PlainLoss(const Batch& batch) {
  const auto logs = LogProbabilities(batch, batch.frames[0]);
  Tokens extended = {batch.blank};
  for (int32_t token : batch.targets[0]) {
    extended.push_back(token);
    extended.push_back(batch.blank);
  }
  const auto log_add = [](double a, double b) {
    const double high = std::max(a, b);
    if (std::isinf(high)) return high;
    return high + std::log(std::exp(a - high) + std::exp(b - high));
  };
  const size_t states = extended.size();
  std::vector<double> alpha(states, -std::numeric_limits<double>::infinity());
  alpha[0] = 0;  // before the first frame
  for (int64_t t = 0; t < batch.frames[0]; ++t) {
    std::vector<double> next(states);
    for (size_t s = 0; s < states; ++s) {
      double sum = alpha[s];
      if (s > 0) sum = log_add(sum, alpha[s - 1]);
      const bool skip = s > 1 && extended[s] != batch.blank && extended[s] != extended[s - 2];
      if (skip) sum = log_add(sum, alpha[s - 2]);
      next[s] = sum + logs[static_cast<size_t>(t * batch.tokens + extended[s])];
    }
    alpha = next;
  }
  return states == 1 ? -alpha[0] : -log_add(alpha[states - 1], alpha[states - 2]);
}

TEST(CtcLoss, LongUtterancesKeepTheirPrecision) {
  Rng rng(9);
  Tokens target(300);
  for (int32_t& token : target) token = static_cast<int32_t>(1 + rng.Below(28));
  for (double size : {0.1, 1.0, 10.0}) {
    const Batch batch = One(2000, 29, target, RandomLogits(2000, 29, 10, size));
    const double expected = PlainLoss(batch);
    EXPECT_NEAR(Evaluate(batch).losses[0], expected, 2e-6 * expected);
  }
}

TEST(CtcLoss, PeakyLogitsStayFiniteAndRight) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Rng rng(seed);
    std::vector<float> logits(40 * 6);
    for (float& x : logits) x = rng.Below(2) == 0 ? 80.0f : -80.0f;
    const Batch batch = One(40, 6, {1, 2, 2, 3, 5, 4, 4, 1}, logits);
    const Outcome outcome = Evaluate(batch);
    EXPECT_NEAR(outcome.losses[0], PlainLoss(batch), 1e-4);
    for (float g : outcome.gradient) EXPECT_TRUE(std::isfinite(g) && std::abs(g) <= 1.001f);
  }
  // Certain of the wrong answer: each of the three labels costs 160 and a frame is sure of blank.
  std::vector<float> wrong(20 * 4, -80.0f);
  for (size_t t = 0; t < 20; ++t) wrong[t * 4] = 80.0f;
  const Outcome outcome = Evaluate(One(20, 4, {1, 2, 3}, wrong));
  EXPECT_NEAR(outcome.losses[0], 3 * 160 - std::log(1140.0), 1e-3);  // 20 choose 3 paths
  for (float g : outcome.gradient) EXPECT_TRUE(std::isfinite(g));
}

TEST(CtcLoss, LogitsMayBeShiftedByAnything) {
  Batch batch = One(6, 4, {1, 3}, RandomLogits(6, 4, 12));
  const float loss = Evaluate(batch).losses[0];
  for (float& x : batch.logits) x += 1000.0f;
  EXPECT_NEAR(Evaluate(batch).losses[0], loss, 1e-3);
}

Batch RandomBatch() {
  Batch batch;
  batch.tokens = 7;
  batch.frames = {9, 1, 30, 4, 12, 2};
  batch.targets = {{1, 2, 2}, {}, {3, 1, 4, 1, 5, 6, 2, 6, 5}, {5, 5}, {}, {6}};
  batch.logits = RandomLogits(58, 7, 13);
  batch.scales = {1, 0.5f, 0, 2, -1, 0.125f};
  return batch;
}

TEST(CtcLoss, ABatchEqualsItsUtterancesAlone) {
  const Batch batch = RandomBatch();
  const Outcome together = Evaluate(batch);
  int64_t row = 0;
  for (size_t u = 0; u < batch.frames.size(); ++u) {
    const auto begin = batch.logits.begin() + row * batch.tokens;
    const int64_t size = batch.frames[u] * batch.tokens;
    Batch alone = One(batch.frames[u], batch.tokens, batch.targets[u], {begin, begin + size});
    alone.scales = {batch.scales[u]};
    const Outcome outcome = Evaluate(alone);
    EXPECT_EQ(outcome.losses[0], together.losses[u]);
    EXPECT_EQ(std::memcmp(outcome.gradient.data(), together.gradient.data() + row * batch.tokens,
                          static_cast<size_t>(size) * sizeof(float)),
              0);
    row += batch.frames[u];
  }
}

void ExpectSameBits(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.losses, b.losses);
  ASSERT_EQ(a.gradient.size(), b.gradient.size());
  EXPECT_EQ(std::memcmp(a.gradient.data(), b.gradient.data(), a.gradient.size() * sizeof(float)),
            0);
}

TEST(CtcLoss, ThreadsDoNotMatter) {
  const Outcome one = Evaluate(RandomBatch(), 1);
  ExpectSameBits(Evaluate(RandomBatch(), 2), one);
  ExpectSameBits(Evaluate(RandomBatch(), 3), one);
}

TEST(CtcLoss, TheGradientMayOverwriteTheLogits) {
  ExpectSameBits(Evaluate(RandomBatch(), 1, /*in_place=*/true), Evaluate(RandomBatch()));
}

TEST(CtcLoss, WithoutAGradientTheLossIsTheSame) {
  const Outcome outcome = Evaluate(RandomBatch(), 1, /*in_place=*/false, /*want_gradient=*/false);
  EXPECT_EQ(outcome.losses, Evaluate(RandomBatch()).losses);
  for (float g : outcome.gradient) EXPECT_TRUE(std::isnan(g));
}

// Losses and gradients of another framework: scripts/make_ctc_goldens.py.
TEST(CtcLoss, EqualsTorch) {
  const auto text =
      ReadTextFile(std::string(MASR_SOURCE_DIR) + "/src/ctc/testdata/ctc_golden.json");
  ASSERT_TRUE(text.has_value()) << text.error().message;
  const auto cases = ParseJson(*text);
  ASSERT_TRUE(cases.has_value()) << cases.error().message;
  ASSERT_GE(cases->size(), 5u);
  for (const auto& golden : *cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    Batch batch;
    batch.tokens = golden["tokens"];
    batch.blank = golden["blank"];
    batch.frames = golden["frames"].get<std::vector<int64_t>>();
    batch.targets = golden["targets"].get<std::vector<Tokens>>();
    batch.logits = golden["logits"].get<std::vector<float>>();
    const auto losses = golden["losses"].get<std::vector<double>>();
    const auto gradient = golden["gradient"].get<std::vector<double>>();
    const Outcome outcome = Evaluate(batch);
    ASSERT_EQ(outcome.losses.size(), losses.size());
    for (size_t u = 0; u < losses.size(); ++u) {
      EXPECT_NEAR(outcome.losses[u], losses[u], 1e-4 * std::max(1e-2, losses[u]));
    }
    ASSERT_EQ(outcome.gradient.size(), gradient.size());
    for (size_t i = 0; i < gradient.size(); ++i) {
      EXPECT_NEAR(outcome.gradient[i], gradient[i], 1e-3 * std::abs(gradient[i]) + 1e-6);
    }
  }
}

}  // namespace
}  // namespace masr
