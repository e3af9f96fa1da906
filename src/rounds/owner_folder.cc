#include "rounds/owner_folder.h"

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "io/config_reader.h"
#include "io/file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "io/text_lines.h"
#include "rounds/round_speech.h"

namespace masr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t kFormat = 1;

int64_t RoundOfMetadata(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find(kRoundKey);
  if (found == metadata.end()) return 0;
  int64_t round = 0;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), round);
  return round;
}

Status WriteJsonFile(const std::string& path, const Json& json) {
  MASR_TRY(const std::string text, WriteJson(json));
  return ReplaceFile(path, text + "\n");
}

}  // namespace

int64_t RoundOf(const Model& model) { return RoundOfMetadata(model.metadata); }

Result<OwnerFolder> OwnerFolder::Lock(const std::string& path) {
  auto lock = FileLock::Take(path + "/lock");
  if (!lock.has_value()) return tl::unexpected(std::move(lock.error()));
  return OwnerFolder(path, std::move(*lock));
}

Result<OwnerFolder> OwnerFolder::OpenExisting(const std::string& path) {
  if (!FileExists(path + "/owner.json")) {
    return Fail(ErrorCode::kNotFound, path + ": no rounds were made here");
  }
  MASR_TRY(OwnerFolder folder, Lock(path));
  MASR_RETURN_IF_ERROR(folder.Load());
  return folder;
}

Result<OwnerFolder> OwnerFolder::Open(const std::string& path, const std::string& base) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return Fail(ErrorCode::kIo, path + ": the folder cannot be made: " + error.message());
  }
  MASR_TRY(OwnerFolder folder, Lock(path));
  std::string fingerprint;
  {
    MASR_TRY(const Model model, LoadModel(base));
    fingerprint = ModelFingerprint(model);
  }
  if (!FileExists(folder.owner_file())) MASR_RETURN_IF_ERROR(folder.Start(base, fingerprint));
  MASR_RETURN_IF_ERROR(folder.Load());
  if (folder.base_ != fingerprint) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": its rounds began with another base (" + folder.base_ + ", and " + base +
                    " is " + fingerprint + "); give that base, or another folder");
  }
  return folder;
}

// owner.json comes last: with it the folder is whole.
Status OwnerFolder::Start(const std::string& base, const std::string& fingerprint) {
  MASR_RETURN_IF_ERROR(CopyFile(base, accepted()));
  return WriteJsonFile(owner_file(), {{"format", kFormat}, {"base", fingerprint}});
}

Status OwnerFolder::Load() {
  MASR_TRY(const std::string owner, ReadTextFile(owner_file(), 1 << 16));
  MASR_TRY(const nlohmann::json json, ParseConfig(owner, owner_file()));
  const auto format = json.is_object() ? json.find("format") : json.end();
  const auto base = json.is_object() ? json.find("base") : json.end();
  if (format == json.end() || !format->is_number_integer() || base == json.end() ||
      !base->is_string()) {
    return Fail(ErrorCode::kCorrupt, owner_file() + ": not what a folder of rounds has");
  }
  if (format->get<int64_t>() > kFormat) {
    return Fail(ErrorCode::kUnsupported,
                owner_file() + ": written by a later version; update this program");
  }
  base_ = base->get<std::string>();
  history_.clear();
  if (FileExists(history_file())) {
    MASR_TRY(const std::string text, ReadTextFile(history_file()));
    MASR_TRY(history_, ReadHistory(text, history_file()));
  }
  MASR_TRY(const std::optional<RoundUnderWay> round, UnderWay());
  if (round && round->finished) return Finish(*round);
  return MarkRolledBack();
}

Status OwnerFolder::PutSpeech(const std::string& lines) {
  MASR_RETURN_IF_ERROR(Abandon());
  return ReplaceFile(round_speech(), lines);
}

Status OwnerFolder::Update(const RoundUnderWay& round) const {
  return WriteJsonFile(round_file(), {{"finished", round.finished},
                                      {"settings", RoundSettingsToJson(round.settings)},
                                      {"record", RoundRecordToJson(round.record)}});
}

Result<std::optional<RoundUnderWay>> OwnerFolder::UnderWay() const {
  std::optional<RoundUnderWay> round;
  if (!FileExists(round_file())) return round;
  MASR_TRY(const std::string text, ReadTextFile(round_file()));
  MASR_TRY(const nlohmann::json json, ParseConfig(text, round_file()));
  ConfigReader reader(json, round_file());
  round.emplace();
  round->finished = reader.Bool("finished", false);
  const nlohmann::json* settings = reader.Child("settings");
  const nlohmann::json* record = reader.Child("record");
  if (settings == nullptr || record == nullptr) reader.Refuse("needs 'settings' and 'record'");
  MASR_RETURN_IF_ERROR(reader.Finish());
  MASR_TRY(round->settings, RoundSettingsFromJson(*settings, round_file() + ": settings"));
  MASR_TRY(round->record, RoundRecordFromJson(*record, round_file() + ": record"));
  return round;
}

Status OwnerFolder::Conclude(RoundUnderWay round) {
  round.finished = true;
  MASR_RETURN_IF_ERROR(Update(round));
  return Finish(round);
}

// Every step may have been done before a crash; each is done once.
Status OwnerFolder::Finish(const RoundUnderWay& round) {
  if (round.record.accepted) {
    if (FileExists(candidate())) {
      MASR_RETURN_IF_ERROR(CopyFile(accepted(), previous()));
      MASR_RETURN_IF_ERROR(MoveFile(candidate(), accepted()));
    }
    MASR_RETURN_IF_ERROR(AddSpeech(round.record.round));
  }
  if (history_.empty() || history_.back().round < round.record.round) {
    history_.push_back(round.record);
    MASR_RETURN_IF_ERROR(WriteHistoryFile());
  }
  return Abandon();
}

// round.json goes last: until then the rest can be finished or removed again.
Status OwnerFolder::Abandon() {
  MASR_RETURN_IF_ERROR(RemoveFile(checkpoint()));
  MASR_RETURN_IF_ERROR(RemoveFile(candidate()));
  MASR_RETURN_IF_ERROR(RemoveFile(round_speech()));
  return RemoveFile(round_file());
}

Status OwnerFolder::AddSpeech(int64_t round) const {
  if (!FileExists(round_speech())) return {};  // added before, and removed
  std::string lines;
  if (FileExists(speech())) {
    MASR_TRY(lines, ReadTextFile(speech()));
  }
  MASR_TRY(const std::string heard, ReadTextFile(round_speech()));
  MASR_TRY(const int64_t last, LastRoundOfSpeech(lines, speech()));
  if (last >= round) return {};
  MASR_TRY(const std::string news, SpeechOfRound(heard, round, round_speech()));
  return ReplaceFile(speech(), lines + news);
}

Status OwnerFolder::WriteHistoryFile() const {
  MASR_TRY(const std::string text, WriteHistory(history_));
  return ReplaceFile(history_file(), text + "\n");
}

// The model is the truth: rounds after the one that gave it have been taken back.
Status OwnerFolder::MarkRolledBack() {
  MASR_TRY(const SafetensorsFile file, SafetensorsFile::Open(accepted()));
  const int64_t now = RoundOfMetadata(file.metadata());
  bool changed = false;
  for (RoundRecord& record : history_) {
    const bool taken_back = record.accepted && record.round > now;
    changed |= taken_back != record.rolled_back;
    record.rolled_back = taken_back;
  }
  return changed ? WriteHistoryFile() : Status();
}

Status OwnerFolder::Rollback() {
  if (!FileExists(previous())) {
    return Fail(ErrorCode::kNotFound,
                path_ +
                    ": there is no model before the accepted one; one step can be undone, and "
                    "none has been made since");
  }
  MASR_RETURN_IF_ERROR(Abandon());
  MASR_RETURN_IF_ERROR(MoveFile(previous(), accepted()));
  return MarkRolledBack();
}

}  // namespace masr
