#include "convert/onnx.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "convert/onnx_graph.h"
#include "convert/onnx_layers.h"
#include "io/file.h"
#include "model/adapters.h"

namespace masr {
namespace {

constexpr float kFeatureVarianceFloor = 1e-10f;  // audio/feature_stream.cc
constexpr float kUnbiasedGuard = 1e-5f;          // likewise
constexpr float kWaveformVarianceGuard = 1e-7f;  // audio/waveform.h

struct Moments {
  std::string centred;
  std::string squares;  // of those
  std::string variance;
};

const OnnxGraph::Attributes& OverFrames() {
  static const OnnxGraph::Attributes frames = {{"axes", std::vector<int64_t>{1}}};
  return frames;
}

// Over the frames of each channel.
Moments MomentsOf(const std::string& x, OnnxGraph& g) {
  Moments m;
  m.centred = g.Add("Sub", {x, g.Add("ReduceMean", {x}, OverFrames())});
  m.squares = g.Add("Mul", {m.centred, m.centred});
  m.variance = g.Add("ReduceMean", {m.squares}, OverFrames());
  return m;
}

std::string OverRoot(const Moments& m, const std::string& guarded, OnnxGraph& g) {
  return g.Add("Div", {m.centred, g.Add("Sqrt", {guarded})});
}

// By the standard deviation with frames - 1, and a guard that is added to it.
std::string Unbiased(const std::string& x, OnnxGraph& g) {
  const Moments m = MomentsOf(x, g);
  const std::string frames = g.Add("Gather", {g.Add("Shape", {x}), g.Int(1)});
  std::string others = g.Add("Sub", {g.Add("Cast", {frames}, {{"to", int64_t{1}}}), g.Float(1)});
  others = g.Add("Max", {others, g.Float(1)});
  // ReduceSum's axes are an input in this operator set.
  const std::string sum = g.Add("ReduceSum", {m.squares, g.Ints({1})});
  const std::string deviation = g.Add("Sqrt", {g.Add("Div", {sum, others})});
  return g.Add("Div", {m.centred, g.Add("Add", {deviation, g.Float(kUnbiasedGuard)})});
}

// samples [batch, samples] to [batch, samples, 1].
std::string WaveformFeatures(const FeatureConfig& config, OnnxGraph& g) {
  const std::string x = g.Add("Unsqueeze", {"samples", g.Ints({2})});
  if (config.normalization == Normalization::kNone) return x;
  const Moments m = MomentsOf(x, g);
  return OverRoot(m, g.Add("Add", {m.variance, g.Float(kWaveformVarianceGuard)}), g);
}

// Pre-emphasis of the whole, and zeros around it: [batch, 1, samples] before and after.
std::string NemoSignal(const LogMel& log_mel, const LogMel::Matrices& matrices, std::string x,
                       OnnxGraph& g) {
  const int64_t behind = log_mel.window_samples() - log_mel.hop_samples() - matrices.lead;
  x = g.Add("Pad", {x, g.Ints({0, 0, 1, 0, 0, 0})});
  x = g.Add("Conv", {x, g.Floats("features.preemphasis", {1, 1, 2}, {-matrices.preemphasis, 1})},
            {{"kernel_shape", std::vector<int64_t>{2}}});
  return g.Add("Pad", {x, g.Ints({0, 0, matrices.lead, 0, 0, behind})});
}

// samples [batch, samples] to [batch, frames, mels].
Result<std::string> LogMelFeatures(const FeatureConfig& config, OnnxGraph& g) {
  MASR_TRY(const LogMel log_mel, LogMel::Create(config.log_mel));
  const LogMel::Matrices matrices = log_mel.AsMatrices();
  const int64_t lines = matrices.lines, mels = log_mel.mels(), window = log_mel.window_samples();
  // Once for the real and once for the imaginary parts: one product adds their squares.
  std::vector<float> mel(2 * lines * mels);
  for (int64_t k = 0; k < 2 * lines; ++k) {
    for (int64_t m = 0; m < mels; ++m) mel[k * mels + m] = matrices.mel[m * lines + k % lines];
  }
  std::string x = g.Add("Unsqueeze", {"samples", g.Ints({1})});
  const bool nemo = config.log_mel.style == LogMelStyle::kNemo;
  if (nemo) x = NemoSignal(log_mel, matrices, x, g);
  x = g.Add("Conv", {x, g.Floats("features.fourier", {2 * lines, 1, window}, matrices.fourier)},
            {{"kernel_shape", std::vector{window}},
             {"strides", std::vector<int64_t>{log_mel.hop_samples()}}});
  x = g.Add("Mul", {x, x});
  x = g.Add("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  x = g.Add("MatMul", {x, g.Floats("features.mel", {2 * lines, mels}, mel)});
  x = g.Add("Log", {g.Add(nemo ? "Add" : "Max", {x, g.Float(matrices.floor)})});
  if (config.normalization == Normalization::kNone) return x;
  if (config.normalization == Normalization::kPerUtteranceUnbiased) return Unbiased(x, g);
  const Moments m = MomentsOf(x, g);
  return OverRoot(m, g.Add("Max", {m.variance, g.Float(kFeatureVarianceFloor)}), g);
}

}  // namespace

Status ExportOnnx(const Model& model, const std::string& path) {
  const FeatureConfig& features = model.config.features;
  if (features.normalization == Normalization::kRunning) {
    return Fail(ErrorCode::kUnsupported,
                "export to ONNX: features normalised by what was heard before depend on more than "
                "one input; only normalization 'utterance' and 'none' can be exported");
  }
  OnnxGraph graph;
  graph.Input("samples", {"batch", "samples"});
  std::string input;
  if (features.kind == FeatureKind::kWaveform) {
    input = WaveformFeatures(features, graph);
  } else {
    MASR_TRY(input, LogMelFeatures(features, graph));
  }
  OnnxLayers layers(
      model.encoder.parameters(), [&](ParameterId id) { return MergedValues(model, id); },
      std::move(input), graph);
  model.encoder.Accept(layers);
  graph.Output(graph.Add("LogSoftmax", {layers.value()}, {{"axis", int64_t{-1}}}), "log_probs",
               {"batch", "frames", model.encoder.tokens()});
  if (graph.bytes() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Fail(ErrorCode::kUnsupported,
                path + ": the model takes " + std::to_string(graph.bytes() >> 20) +
                    " MiB as f32, and one ONNX file holds at most 2047; export a smaller model");
  }
  nlohmann::json tokens = nlohmann::json::array();
  for (int32_t i = 0; i < model.vocabulary.size(); ++i) tokens.push_back(model.vocabulary.token(i));
  return ReplaceFile(
      path, graph.Finish(model.config.name,
                         {{"mobileasr.name", model.config.name},
                          {"mobileasr.sample_rate_hz", std::to_string(features.sample_rate_hz())},
                          {"mobileasr.tokens", tokens.dump()}}));
}

}  // namespace masr
