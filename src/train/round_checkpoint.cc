#include "train/round_checkpoint.h"

#include <array>
#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "io/safetensors.h"
#include "train/checkpoint.h"
#include "train/round_record.h"

namespace masr {
namespace {

constexpr int64_t kMost = int64_t{1} << 52;
constexpr const char* kIdentityKey = "round.identity";
constexpr const char* kPositionKey = "round.position";

std::array<CheckpointValues, 2> Sets(const RoundValues& values) {
  return {{{".mean", &values.mean}, {".kept", &values.kept}}};
}

std::string PositionJson(const RoundPosition& p) {
  nlohmann::ordered_json json = {{"epoch", p.epoch},
                                 {"update", p.update},
                                 {"loss_sum", p.loss_sum},
                                 {"tokens", p.tokens},
                                 {"skipped", p.skipped},
                                 {"attempts", p.attempts},
                                 {"best_epoch", p.best_epoch},
                                 {"seconds", p.seconds},
                                 {"seconds_paused", p.seconds_paused},
                                 {"epochs", nlohmann::ordered_json::array()}};
  for (const RoundEpoch& epoch : p.epochs) json["epochs"].push_back(RoundEpochToJson(epoch));
  return json.dump();
}

Result<RoundPosition> ReadPosition(const std::string& text, const std::string& path) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, path));
  ConfigReader reader(json, path + ": position");
  RoundPosition p;
  p.epoch = reader.Int("epoch", {}, 1, kMost);
  p.update = reader.Int("update", {}, 0, kMost);
  p.loss_sum = reader.Number("loss_sum", {}, 0, 1e300);
  p.tokens = reader.Int("tokens", {}, 0, kMost);
  p.skipped = reader.Int("skipped", {}, 0, kMost);
  p.attempts = reader.Int("attempts", {}, 1, 2);
  p.best_epoch = reader.Int("best_epoch", {}, 0, kMost);
  p.seconds = reader.Number("seconds", {}, 0, 1e300);
  p.seconds_paused = reader.Number("seconds_paused", {}, 0, 1e300);
  const nlohmann::json* epochs = reader.Child("epochs");
  MASR_RETURN_IF_ERROR(reader.Finish());
  if (epochs == nullptr || !epochs->is_array() || epochs->empty()) {
    return Fail(ErrorCode::kCorrupt, path + ": position has no epochs");
  }
  for (const nlohmann::json& epoch : *epochs) {
    MASR_TRY(const RoundEpoch read, RoundEpochFromJson(epoch, path + ": position"));
    p.epochs.push_back(read);
  }
  return p;
}

}  // namespace

Status SaveRoundCheckpoint(const RoundPosition& position, const RoundValues& values,
                           const RoundCheckpointOptions& options) {
  return SaveCheckpoint(values.trainer, nullptr,
                        {{kIdentityKey, options.identity}, {kPositionKey, PositionJson(position)}},
                        options.path, Sets(values));
}

Result<RoundPosition> LoadRoundCheckpoint(const RoundCheckpointOptions& options,
                                          const RoundValues& values) {
  RoundPosition position;
  {
    // Before anything is changed.
    MASR_TRY(const SafetensorsFile file, SafetensorsFile::Open(options.path));
    const auto text = [&](const char* key) {
      const auto found = file.metadata().find(key);
      return found == file.metadata().end() ? std::string() : found->second;
    };
    if (text(kPositionKey).empty()) {
      return Fail(ErrorCode::kCorrupt, options.path + ": not the checkpoint of a round");
    }
    if (text(kIdentityKey) != options.identity) {
      return Fail(ErrorCode::kInvalidArgument,
                  options.path +
                      ": belongs to a round with another base, other speech or other options, or "
                      "is damaged; go on with those, or remove it to begin anew");
    }
    MASR_TRY(position, ReadPosition(text(kPositionKey), options.path));
  }
  MASR_RETURN_IF_ERROR(LoadCheckpoint(options.path, values.trainer, nullptr, Sets(values)));
  return position;
}

}  // namespace masr
