// Models as ONNX files, and what they say about some sound: export_models FOLDER MODEL...
//
// Of each MODEL, called as its file's stem: NAME.onnx, and per case NAME.CASE.samples, f32 [batch,
// samples], with NAME.CASE.expected, f32 [batch, frames, tokens], by our own network. Standard
// output has a line of JSON for every case: the shapes, and the largest magnitude of a logit.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numbers>

#include "../check_result.h"
#include "base/rng.h"
#include "convert/onnx.h"
#include "convert/source.h"
#include "convert/yaml.h"
#include "io/file.h"
#include "model/feature_extractor.h"
#include "model/inference.h"

namespace masr {
namespace {

struct Case {
  const char* name;
  int64_t batch;
  int64_t samples;
};
constexpr Case kCases[] = {{"short", 1, 6000}, {"two", 2, 20011}};

// A voice of sorts: harmonics that glide and pause, and noise.
std::vector<float> Sound(int64_t count, int rate_hz, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> samples(count);
  double phase = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    phase += (140 + 40 * std::sin(5 * t + static_cast<double>(seed))) / rate_hz;
    double x = 0;
    for (int h = 1; h <= 12; ++h) x += std::sin(2 * std::numbers::pi * h * phase) / h;
    const double loud = std::max(0.0, std::sin(9 * t));
    samples[i] = static_cast<float>(0.1 * loud * x + 0.003 * rng.Uniform(-1, 1) + 0.01);
  }
  return samples;
}

void ToLogProbabilities(std::span<float> rows, int64_t tokens) {
  for (size_t at = 0; at < rows.size(); at += tokens) {
    const auto row = rows.subspan(at, tokens);
    const float high = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<double>(x) - high);
    for (float& x : row) x = static_cast<float>(x - high - std::log(sum));
  }
}

void Write(const std::string& path, const std::vector<float>& values) {
  Check(ReplaceFile(path,
                    {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}));
}

void ExportAndRun(const std::string& folder, const std::string& path) {
  std::string model_path = path;
  const std::string name = std::filesystem::path(path).stem();
  if (!HasYaml() && FileExists(path + "/model_config.yaml")) return;
  if (std::filesystem::is_directory(path)) {
    model_path = folder + "/" + name + ".masr";
    Check(ConvertModel(path, WeightFormat::kF32, model_path));
  }
  const Model model = Check(LoadModel(model_path));
  const std::string stem = folder + "/" + name;
  Check(ExportOnnx(model, stem + ".onnx"));
  const FeatureExtractor extractor = Check(FeatureExtractor::Create(model.config.features));
  const ThreadPool threads(1);
  const int64_t tokens = model.encoder.tokens();
  for (const Case& c : kCases) {
    std::vector<float> samples, expected;
    int64_t frames = 0;
    float largest = 0;
    for (int64_t u = 0; u < c.batch; ++u) {
      const std::vector<float> sound =
          Sound(c.samples, model.config.features.sample_rate_hz(), static_cast<uint64_t>(u));
      samples.insert(samples.end(), sound.begin(), sound.end());
      const std::vector<float> features = extractor.Features(sound);
      Logits logits = Check(
          Inference(model, threads).Run({std::ssize(features) / extractor.width()}, features));
      frames = logits.offsets[1];
      for (const float x : logits.values) largest = std::max(largest, std::abs(x));
      ToLogProbabilities(logits.values, tokens);
      expected.insert(expected.end(), logits.values.begin(), logits.values.end());
    }
    Write(stem + "." + c.name + ".samples", samples);
    Write(stem + "." + c.name + ".expected", expected);
    std::printf("%s\n", nlohmann::json({{"model", name},
                                        {"case", c.name},
                                        {"samples", {c.batch, c.samples}},
                                        {"log_probs", {c.batch, frames, tokens}},
                                        {"largest_logit", largest}})
                            .dump()
                            .c_str());
  }
}

}  // namespace
}  // namespace masr

int main(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) masr::ExportAndRun(argv[1], argv[i]);
  return 0;
}
