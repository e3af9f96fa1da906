// What both sides of the step benchmark share: options, the model's description, synthetic data,
// and the line that they print. C++17, because the other side's headers are.
#ifndef MOBILEASR_BENCH_STEP_OPTIONS_H_
#define MOBILEASR_BENCH_STEP_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace masr_bench {

struct StepOptions {
  std::string model;   // bench/models/*.json
  int64_t batch = 1;   // utterances
  double seconds = 8;  // length of the longest utterance
  double shortest =
      0;  // of the shortest; the others lie evenly between. 0: all have the same length
  int threads = 1;
  int64_t frozen_blocks = 0;  // blocks that do not learn, counted from the first
  bool cached = false;  // ours only: what the frozen blocks give is kept from an earlier epoch
  bool bf16 = false;    // ours only: products in bf16
  int64_t steps = 10;   // timed ones, after two that are not
};

// Exits with a message on a wrong command line.
StepOptions ParseStepOptions(int argc, char** argv);

nlohmann::json ReadJson(const std::string& path);

// The encoder's layers, one entry per repetition.
std::vector<nlohmann::json> EncoderLayers(const nlohmann::json& model);

// Feature frames of each utterance, the longest first; 100 per second.
std::vector<int64_t> UtteranceFrames(const StepOptions& options);

// Numbers that look like normalised features: mean 0, variance 1, the same in every run.
std::vector<float> SyntheticFeatures(int64_t count);

// A third as many tokens as there are frames after subsampling, none of them 0 (the blank).
std::vector<int32_t> SyntheticTarget(int64_t out_frames, int64_t tokens, uint64_t seed);

// The high-water mark of this process's resident memory.
int64_t PeakResidentBytes();

// Calls step() twice, then `steps` times on the clock.
template <class Step>
std::vector<double> TimeSteps(int64_t steps, const Step& step) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int64_t i = -2; i < steps; ++i) {
    const auto start = Clock::now();
    step();
    if (i >= 0) seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return seconds;
}

struct StepResult {
  std::string side;
  int64_t parameters = 0;  // that can learn, frozen ones included
  int64_t trainable = 0;   // that do
  double loss = 0;         // nats per target token, of the last step
  std::vector<double> seconds;
};
// One JSON line on standard output.
void PrintResult(const StepOptions& options, const nlohmann::json& model, const StepResult& result);

// Floating-point operations of one step, from the shapes: products, convolutions, attention and
// recurrences, a multiply-add as two; forward, and backward where something learns. Padding is not
// counted.
double StepFlops(const nlohmann::json& model, const StepOptions& options);

}  // namespace masr_bench

#endif  // MOBILEASR_BENCH_STEP_OPTIONS_H_
