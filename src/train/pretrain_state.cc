#include "train/pretrain_state.h"

#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "train/checkpoint.h"

namespace masr {
namespace {

constexpr int64_t kMax = int64_t{1} << 52;

std::string ProgressJson(const PretrainState& state, uint64_t seed) {
  const nlohmann::json json = {{"stage", state.stage},
                               {"epoch", state.epoch},
                               {"update", state.update},
                               {"loss_sum", state.loss_sum},
                               {"tokens", state.tokens},
                               {"stage_start_step", state.stage_start_step},
                               {"seed", seed}};
  return json.dump();
}

Status ReadProgress(const std::string& text, const std::string& path, uint64_t seed,
                    PretrainState& state) {
  MASR_TRY(const nlohmann::json progress, ParseConfig(text, path));
  ConfigReader reader(progress, path + ": progress");
  state.stage = reader.Int("stage", {}, 0, kMax);
  state.epoch = reader.Int("epoch", {}, 0, kMax);
  state.update = reader.Int("update", {}, 0, kMax);
  state.loss_sum = reader.Number("loss_sum", {}, 0, 1e300);
  state.tokens = reader.Int("tokens", {}, 0, kMax);
  state.stage_start_step = reader.Int("stage_start_step", {}, 0, kMax);
  const auto made_with = static_cast<uint64_t>(reader.Int("seed", {}, 0, kMax));
  if (made_with != seed) {
    reader.Refuse("was made with --seed " + std::to_string(made_with) +
                  "; give the same to resume");
  }
  return reader.Finish();
}

Status ReadHistory(const std::string& text, const std::string& path,
                   std::vector<PretrainEpoch>& epochs) {
  MASR_TRY(const nlohmann::json history, ParseConfig(text, path));
  for (const nlohmann::json& entry : history) {
    ConfigReader e(entry, path + ": history");
    epochs.push_back({.stage = e.Int("stage", {}, 0, kMax),
                      .epoch = e.Int("epoch", {}, 0, kMax),
                      .train_loss = e.Number("train_loss", {}, 0, 1e300),
                      .dev_wer = e.Number("dev_wer", {}, 0, 1e300),
                      .dev_cer = e.Number("dev_cer", {}, 0, 1e300),
                      .seconds = e.Number("seconds", {}, 0, 1e300)});
    MASR_RETURN_IF_ERROR(e.Finish());
  }
  return {};
}

template <class T>
Status Share(Collective& collective, std::span<T> values) {
  return collective.Broadcast({reinterpret_cast<uint8_t*>(values.data()), values.size_bytes()});
}

Status ShareText(Collective& collective, std::string& text) {
  uint64_t size = text.size();
  MASR_RETURN_IF_ERROR(Share(collective, std::span<uint64_t>(&size, 1)));
  text.resize(size);
  return Share(collective, std::span<char>(text));
}

}  // namespace

std::string HistoryJson(const std::vector<PretrainEpoch>& epochs) {
  nlohmann::json history = nlohmann::json::array();
  for (const PretrainEpoch& e : epochs) {
    history.push_back({{"stage", e.stage},
                       {"epoch", e.epoch},
                       {"train_loss", e.train_loss},
                       {"dev_wer", e.dev_wer},
                       {"dev_cer", e.dev_cer},
                       {"seconds", e.seconds}});
  }
  return history.dump();
}

std::string CheckpointPath(const std::string& out) { return out + ".checkpoint"; }

Status SavePretrainState(const PretrainState& state, const PretrainOptions& options,
                         Trainer& trainer, WeightAverage* average) {
  return SaveCheckpoint(
      trainer, average,
      {{"progress", ProgressJson(state, options.seed)}, {"history", HistoryJson(state.epochs)}},
      CheckpointPath(options.out));
}

Result<PretrainState> LoadPretrainState(const PretrainOptions& options, Trainer& trainer,
                                        WeightAverage* average) {
  const std::string path = CheckpointPath(options.out);
  PretrainState state;
  auto metadata = LoadCheckpoint(path, trainer, average);
  if (!metadata.has_value()) {
    if (metadata.error().code == ErrorCode::kNotFound) return state;
    return tl::unexpected(std::move(metadata.error()));
  }
  MASR_RETURN_IF_ERROR(ReadProgress((*metadata)["progress"], path, options.seed, state));
  MASR_RETURN_IF_ERROR(ReadHistory((*metadata)["history"], path, state.epochs));
  return state;
}

Status SharePretrainState(Collective& collective, PretrainState& state, Trainer& trainer,
                          WeightAverage* average) {
  std::string progress = ProgressJson(state, 0);
  std::string history = HistoryJson(state.epochs);
  MASR_RETURN_IF_ERROR(ShareText(collective, progress));
  MASR_RETURN_IF_ERROR(ShareText(collective, history));
  state = {};
  MASR_RETURN_IF_ERROR(ReadProgress(progress, "rank 0", 0, state));
  MASR_RETURN_IF_ERROR(ReadHistory(history, "rank 0", state.epochs));

  int64_t counts[] = {trainer.step(), average != nullptr ? average->updates() : 0};
  MASR_RETURN_IF_ERROR(Share(collective, std::span<int64_t>(counts)));
  trainer.set_step(counts[0]);
  if (average != nullptr) average->set_updates(counts[1]);
  for (size_t i = 0; i < trainer.trainable().size(); ++i) {
    const ParameterId id = trainer.trainable()[i];
    MASR_RETURN_IF_ERROR(Share(collective, trainer.model().weights.Writable(id)));
    MASR_RETURN_IF_ERROR(Share(collective, trainer.OptimizerState(id)));
    if (average != nullptr) MASR_RETURN_IF_ERROR(Share(collective, average->Values(i)));
  }
  return {};
}

}  // namespace masr
