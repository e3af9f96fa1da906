#include "plan/device_profile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/config_reader.h"
#include "io/json.h"

namespace masr {
namespace {

// A second of speech that takes a day, or a phone that takes a megawatt, is a mistake.
constexpr double kMostSeconds = 86400;
constexpr double kMostWatts = 1e6;

nlohmann::ordered_json CostJson(const PassCost& cost) {
  return nlohmann::ordered_json::array({cost.pass_s, cost.speech_s});
}

PassCost ReadCost(ConfigReader& reader, const std::string& key) {
  const std::vector<double> pair = reader.NumberList(key);
  const bool good = pair.size() == 2 && std::ranges::all_of(pair, [](double seconds) {
                      return seconds >= 0 && seconds <= kMostSeconds;
                    });
  if (!good) {
    reader.Refuse("'" + key + "' must be two times in seconds: of a pass and of speech");
    return {};
  }
  return {pair[0], pair[1]};
}

Result<BlockCost> ReadBlock(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  const BlockCost block = {.frozen_forward = ReadCost(reader, "frozen_forward"),
                           .forward = ReadCost(reader, "forward"),
                           .backward = ReadCost(reader, "backward"),
                           .vector_backward = ReadCost(reader, "vector_backward")};
  MASR_RETURN_IF_ERROR(reader.Finish());
  return block;
}

Result<std::vector<BlockCost>> ReadBlocks(const nlohmann::json* list, const std::string& where) {
  if (list == nullptr || !list->is_array() || list->empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                where + ": 'blocks' must be a list with an object for each block");
  }
  std::vector<BlockCost> blocks;
  for (size_t i = 0; i < list->size(); ++i) {
    MASR_TRY(const BlockCost block,
             ReadBlock((*list)[i], where + ": blocks[" + std::to_string(i) + "]"));
    blocks.push_back(block);
  }
  return blocks;
}

std::optional<double> ReadOptional(ConfigReader& reader, const std::string& key) {
  if (reader.Child(key) == nullptr) return std::nullopt;
  return reader.Number(key, std::nullopt, 1e-6, kMostWatts);
}

}  // namespace

void SlowDown(DeviceProfile& profile, double factor) {
  for (BlockCost& block : profile.blocks) {
    for (PassCost* cost :
         {&block.frozen_forward, &block.forward, &block.backward, &block.vector_backward}) {
      cost->pass_s *= factor;
      cost->speech_s *= factor;
    }
  }
  profile.features_s *= factor;
  profile.augmented_features_s *= factor;
  profile.update_s *= factor;
}

double TrainingPowerW(const DeviceProfile& profile) {
  return profile.training_power_w.value_or(kPhonePowerW);
}

double BatteryWh(const DeviceProfile& profile) {
  return profile.battery_wh.value_or(kPhoneBatteryWh);
}

Result<std::string> WriteDeviceProfile(const DeviceProfile& profile) {
  nlohmann::ordered_json json = {{"name", profile.name},
                                 {"threads", profile.threads},
                                 {"encoder", profile.encoder},
                                 {"features_s", profile.features_s},
                                 {"augmented_features_s", profile.augmented_features_s},
                                 {"update_s", profile.update_s}};
  if (profile.training_power_w) json["training_power_w"] = *profile.training_power_w;
  if (profile.battery_wh) json["battery_wh"] = *profile.battery_wh;
  json["blocks"] = nlohmann::ordered_json::array();
  for (const BlockCost& block : profile.blocks) {
    json["blocks"].push_back({{"frozen_forward", CostJson(block.frozen_forward)},
                              {"forward", CostJson(block.forward)},
                              {"backward", CostJson(block.backward)},
                              {"vector_backward", CostJson(block.vector_backward)}});
  }
  return WriteJson(json);
}

Result<DeviceProfile> ReadDeviceProfile(std::string_view text, const std::string& where) {
  MASR_TRY(const nlohmann::json json, ParseConfig(text, where));
  ConfigReader reader(json, where);
  DeviceProfile profile;
  profile.name = reader.Text("name", "");
  profile.threads = static_cast<int>(reader.Int("threads", std::nullopt, 1, 4096));
  profile.encoder = reader.Text("encoder", std::nullopt);
  profile.features_s = reader.Number("features_s", std::nullopt, 0, kMostSeconds);
  profile.augmented_features_s =
      reader.Number("augmented_features_s", std::nullopt, 0, kMostSeconds);
  profile.update_s = reader.Number("update_s", std::nullopt, 0, kMostSeconds);
  profile.training_power_w = ReadOptional(reader, "training_power_w");
  profile.battery_wh = ReadOptional(reader, "battery_wh");
  const nlohmann::json* blocks = reader.Child("blocks");
  MASR_RETURN_IF_ERROR(reader.Finish());
  MASR_TRY(profile.blocks, ReadBlocks(blocks, where));
  return profile;
}

Status CheckProfile(const DeviceProfile& profile, const std::string& encoder, int threads) {
  if (profile.encoder != encoder) {
    return Fail(ErrorCode::kInvalidArgument,
                "it was measured on another encoder; give a file of its own to each model");
  }
  if (profile.threads != threads) {
    return Fail(ErrorCode::kInvalidArgument,
                "it was measured with " + std::to_string(profile.threads) + " threads, not " +
                    std::to_string(threads) + "; give --threads " +
                    std::to_string(profile.threads) + " or a file of its own");
  }
  return {};
}

}  // namespace masr
