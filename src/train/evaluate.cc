#include "train/evaluate.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "ctc/ctc_loss.h"
#include "ctc/greedy_decoder.h"
#include "data/batcher.h"

namespace masr {

std::vector<float> TextLosses(const ThreadPool& threads, int64_t tokens, const Logits& logits,
                              const std::vector<std::span<const int32_t>>& texts) {
  std::vector<float> losses(texts.size());
  std::vector<float> scratch(static_cast<size_t>(CtcScratchFloats(logits.offsets, texts)));
  const std::vector<float> scales(texts.size(), 1.0f);
  CtcLoss({threads}, logits.offsets, tokens, Vocabulary::kBlank, logits.values.data(), texts,
          scales, losses.data(), nullptr, scratch.data());
  return losses;
}

std::vector<std::vector<int64_t>> EvaluationBatches(const std::vector<double>& durations_s,
                                                    double batch_seconds) {
  Rng rng(0);  // sorted batches draw nothing
  return MakeBatches(durations_s,
                     {.max_seconds = batch_seconds, .max_utterances = 16, .sorted = true}, rng);
}

Result<Evaluation> Evaluate(const Model& model, SpeechDataset& dataset,
                            const std::vector<int64_t>& indices, const ThreadPool& threads,
                            const EvaluateOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<int64_t> chosen = indices;
  if (chosen.empty()) {
    chosen.resize(static_cast<size_t>(dataset.size()));
    std::iota(chosen.begin(), chosen.end(), int64_t{0});
  }
  MASR_TRY(BatchLoader loader, BatchLoader::Create(model, dataset, nullptr, threads));
  const LoadBatch from_audio = [&](std::span<const int64_t> members,
                                   std::vector<LoadProblem>& problems) -> Result<Batch> {
    return loader.Load(members, {}, 0, problems);
  };
  const LoadBatch& load = options.load ? options.load : from_audio;
  Inference inference(model, threads, options.arena);
  const int64_t tokens = model.encoder.tokens();
  const DecodeText greedy = [&](int64_t frames, const float* logits) {
    return model.vocabulary.Decode(GreedyDecode(frames, tokens, Vocabulary::kBlank, logits));
  };
  const DecodeText& text_of = options.decode ? options.decode : greedy;

  const auto batches = EvaluationBatches(dataset.durations_s(chosen), options.batch_seconds);

  Evaluation result;
  double loss_sum = 0;
  int64_t loss_tokens = 0;
  int64_t done = 0;
  std::vector<LoadProblem> problems;
  for (const std::vector<int64_t>& positions : batches) {
    if (options.cancel != nullptr && options.cancel->load()) {
      return Fail(ErrorCode::kCancelled, "evaluation stopped by its owner");
    }
    std::vector<int64_t> members;
    members.reserve(positions.size());
    for (int64_t position : positions) members.push_back(chosen[static_cast<size_t>(position)]);
    MASR_TRY(const Batch batch, load(members, problems));
    done += static_cast<int64_t>(members.size());
    if (!batch.frames.empty()) {
      MASR_TRY(Logits logits,
               inference.RunBlocks({batch.first_block, model.encoder.blocks().size()}, batch.frames,
                                   batch.features));
      const std::vector<float> losses = TextLosses(threads, tokens, logits, batch.targets);
      std::vector<std::string> hypotheses(batch.frames.size());
      threads.ParallelFor(hypotheses.size(), [&](size_t u, int) {
        hypotheses[u] = text_of(logits.offsets[u + 1] - logits.offsets[u],
                                logits.values.data() + logits.offsets[u] * tokens);
      });
      for (size_t u = 0; u < batch.frames.size(); ++u) {
        const int64_t index = batch.utterances[u];
        const Utterance& utterance = dataset.utterance(index);
        std::string& hypothesis = hypotheses[u];
        result.words += CountWordErrors(utterance.text, hypothesis);
        result.characters += CountCharacterErrors(utterance.text, hypothesis);
        result.audio_seconds += utterance.duration_s;
        result.utterances += 1;
        loss_sum += losses[u];
        loss_tokens += static_cast<int64_t>(batch.targets[u].size());
        result.hypotheses.push_back({index, std::move(hypothesis)});
      }
    }
    if (options.progress) options.progress(done, static_cast<int64_t>(chosen.size()));
  }
  std::ranges::sort(result.hypotheses, {}, &EvaluatedUtterance::utterance);
  result.skipped = static_cast<int64_t>(problems.size());
  result.loss = loss_tokens > 0 ? loss_sum / static_cast<double>(loss_tokens) : 0;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace masr
