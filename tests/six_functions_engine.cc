// What examples/six_functions do, with the engine itself and without the C interface: the same
// arguments, the same output to the last digit. Tensors are put together here as that interface's
// contract says it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "audio/audio_file.h"
#include "audio/feature_stream.h"
#include "audio/resampler.h"
#include "check_result.h"
#include "ctc/greedy_decoder.h"
#include "model/inference.h"
#include "text/normalizer.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"

namespace masr {
namespace {

Batch BatchOf(const Model& model, const char* audio, std::span<const int32_t> target) {
  const FeatureConfig& config = model.config.features;
  const Pcm pcm = Check(ReadAudio(audio));
  const std::vector<float> samples =
      Check(Resample(pcm.samples, pcm.sample_rate_hz, config.log_mel.sample_rate_hz));
  Batch batch;
  batch.features = Check(LogMel::Create(config.log_mel)).ComputeAll(samples);
  batch.frames = {std::ssize(batch.features) / config.log_mel.mels};
  NormalizeFeatures(config.normalization, batch.frames[0], config.log_mel.mels,
                    batch.features.data());
  batch.utterances = {0};
  batch.targets = {target};
  return batch;
}

void Hear(const Model& model, const ThreadPool& threads, const Batch& batch) {
  const Logits logits = Check(Inference(model, threads).Run(batch.frames, batch.features));
  const int64_t tokens = model.encoder.tokens();
  const int64_t rows = logits.offsets[1];
  double blank = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = logits.values.data() + r * tokens;
    const float high = *std::max_element(row, row + tokens);
    double sum = 0;
    for (int64_t k = 0; k < tokens; ++k) sum += std::exp(row[k] - high);
    blank += static_cast<float>(static_cast<double>(std::exp(row[0] - high)) / sum);
  }
  const auto text =
      model.vocabulary.Decode(GreedyDecode(rows, tokens, Vocabulary::kBlank, logits.values.data()));
  std::printf("infer %lld rows, %.17g of them blank: %s\n", static_cast<long long>(rows), blank,
              text.c_str());
}

void Learn(Trainer& trainer, const Batch& batch) {
  const auto step = static_cast<uint64_t>(trainer.step());
  const StepReport report = Check(trainer.Step({&batch, 1}, 3e-4f, MixKeys(1, step)));
  std::printf("train %lld: loss %.17g, gradient %.17g\n", static_cast<long long>(trainer.step()),
              report.loss, report.gradient_norm);
}

int Main(char** argv) {
  const ThreadPool threads(1);
  Model model = Check(LoadModel(argv[1]));
  const std::vector<int32_t> target = Check(model.vocabulary.Encode(NormalizeEnglish(argv[3])));
  const Batch batch = BatchOf(model, argv[2], target);

  int64_t bytes = 0;
  for (const ParameterSpec& spec : model.encoder.parameters().specs()) {
    if (spec.trainable) bytes += 16 * spec.elements();  // value, gradient, AdamW's two
  }
  std::printf("parameters %d in %d blocks, all of them learn in %lld bytes\n",
              static_cast<int>(model.encoder.parameters().size()),
              static_cast<int>(model.encoder.blocks().size()), static_cast<long long>(bytes));
  Hear(model, threads, batch);
  const Logits logits = Check(Inference(model, threads).Run(batch.frames, batch.features));
  const float loss = TextLosses(threads, model.encoder.tokens(), logits, batch.targets)[0];
  std::printf("loss %.17g\n", static_cast<double>(loss) / static_cast<double>(target.size()));
  Trainer trainer =
      Trainer::Create(model, TrainableParameters(model.encoder, {}), TrainerOptions(), threads);
  for (int update = 0; update < 3; ++update) Learn(trainer, batch);
  Check(SaveCheckpoint(trainer, nullptr, {}, argv[4]));
  Learn(trainer, batch);
  Check(LoadCheckpoint(argv[4], trainer, nullptr));
  Learn(trainer, batch);
  Hear(model, threads, batch);
  return 0;
}

}  // namespace
}  // namespace masr

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s MODEL AUDIO TEXT CHECKPOINT\n", argv[0]);
    return 2;
  }
  return masr::Main(argv);
}
