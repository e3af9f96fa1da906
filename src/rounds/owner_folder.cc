#include "rounds/owner_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/number_text.h"
#include "io/config_reader.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "rounds/round_speech.h"
#include "rounds/seal.h"

namespace masr {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kFormat = 1;
constexpr const char* kForgetSpeech =
    "; move it away, and rounds go on with new speech alone: the accepted model stays";

int64_t RoundOfMetadata(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find(kRoundKey);
  if (found == metadata.end()) return 0;
  return ParseInteger<int64_t>(found->second).value_or(0);
}

Status WriteJsonFile(const std::string& path, const Json& json) {
  MASR_TRY(const std::string text, WriteSealedJson(json));
  return ReplaceFile(path, text + "\n");
}

Result<nlohmann::json> ReadJsonFile(const std::string& path) {
  MASR_TRY(const std::string text, ReadTextFile(path));
  MASR_TRY(nlohmann::json json, ParseConfig(text, path));
  if (Status sealed = OpenSeal(json); !sealed.has_value()) {
    return Fail(path, std::move(sealed.error()));
  }
  return json;
}

Result<std::string> HashOfFile(const std::string& path) {
  MASR_TRY(const MappedFile file, MappedFile::Open(path));
  Fnv1a hash;
  hash.Add(file.bytes());
  return hash.Text();
}

// What a model was personalised from; a base is its own.
Result<std::string> BaseOf(const std::string& path) {
  MASR_TRY(const Model model, LoadModel(path));
  const auto base = model.metadata.find(kBaseKey);
  return RoundOf(model) > 0 && base != model.metadata.end() ? base->second
                                                            : ModelFingerprint(model);
}

template <typename Value>
Result<Value> Advise(Result<Value> result, const std::string& advice) {
  if (!result.has_value()) result.error().message += advice;
  return result;
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
  if (Status marked = folder.MarkRolledBack();
      !marked.has_value() && !FileExists(folder.previous())) {
    return tl::unexpected(std::move(marked.error()));
  }
  return folder;
}

Result<OwnerFolder> OwnerFolder::Open(const std::string& path, const std::string& base) {
  MASR_RETURN_IF_ERROR(MakeFolder(path));
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
  folder.base_file_ = base;
  Status whole = folder.MarkRolledBack();
  if (whole) whole = folder.CheckModel(folder.accepted());
  MASR_RETURN_IF_ERROR(Advise(whole, FileExists(folder.previous())
                                         ? "; roll back to use the model before it"
                                         : "; put it back, or copy the base there"));
  return folder;
}

// owner.json comes last: with it the folder is whole. Where only that was lost, an accepted model
// is not.
Status OwnerFolder::Start(const std::string& base, const std::string& fingerprint) {
  if (FileExists(accepted())) {
    MASR_TRY(const std::string of_accepted, BaseOf(accepted()));
    if (of_accepted != fingerprint) {
      return Fail(ErrorCode::kInvalidArgument,
                  accepted() + ": comes from another base (" + of_accepted + ", and " + base +
                      " is " + fingerprint + "); give that base, or another folder");
    }
  } else {
    MASR_RETURN_IF_ERROR(CopyFile(base, accepted()));
  }
  return WriteJsonFile(owner_file(), {{"format", kFormat}, {"base", fingerprint}});
}

Status OwnerFolder::Load() {
  const std::string make_owner = "; remove it, and the next round makes it again from the base";
  MASR_TRY(const nlohmann::json json, Advise(ReadJsonFile(owner_file()), make_owner));
  const auto format = json.is_object() ? json.find("format") : json.end();
  const auto base = json.is_object() ? json.find("base") : json.end();
  if (format == json.end() || !format->is_number_integer() || base == json.end() ||
      !base->is_string()) {
    return Fail(ErrorCode::kCorrupt,
                owner_file() + ": not what a folder of rounds has" + make_owner);
  }
  if (format->get<int64_t>() > kFormat) {
    return Fail(ErrorCode::kUnsupported,
                owner_file() + ": written by a later version; update this program");
  }
  base_ = base->get<std::string>();
  history_.clear();
  if (FileExists(history_file())) {
    const std::string forget = "; move it away to go on without it: the accepted model stays";
    MASR_TRY(const nlohmann::json rounds, Advise(ReadJsonFile(history_file()), forget));
    MASR_TRY(history_, Advise(HistoryFromJson(rounds, history_file()), forget));
  }
  const auto round = UnderWay();
  // A damaged round.json is the business of who wants to go on with that round.
  if (!round.has_value() || !*round || !(*round)->finished) return {};
  MASR_RETURN_IF_ERROR(Finish(**round));
  if (!history_.empty() && history_.back().round == (*round)->record.round) {
    concluded_ = history_.back();
  }
  return {};
}

Result<int64_t> OwnerFolder::NextRound(const Model& accepted) const {
  int64_t last = RoundOf(accepted);
  if (!history_.empty()) last = std::max(last, history_.back().round);
  // Where the history was lost, others still know.
  if (FileExists(speech())) {
    MASR_TRY(const std::string lines, ReadTextFile(speech()));
    MASR_TRY(const int64_t heard, Advise(LastRoundOfSpeech(lines, speech()), kForgetSpeech));
    last = std::max(last, heard);
  }
  return last + 1;
}

Status OwnerFolder::PutSpeech(const std::string& lines) {
  MASR_RETURN_IF_ERROR(Abandon());
  return ReplaceFile(round_speech(), lines);
}

Status OwnerFolder::Update(const RoundUnderWay& round) const {
  return WriteJsonFile(round_file(), {{"finished", round.finished},
                                      {"settings", RoundSettingsToJson(round.settings)},
                                      {"record", RoundRecordToJson(round.record)},
                                      {"identity", round.identity}});
}

Result<std::optional<RoundUnderWay>> OwnerFolder::UnderWay() const {
  std::optional<RoundUnderWay> round;
  if (!FileExists(round_file())) return round;
  MASR_TRY(const nlohmann::json json, ReadJsonFile(round_file()));
  ConfigReader reader(json, round_file());
  round.emplace();
  round->finished = reader.Bool("finished", false);
  round->identity = reader.Text("identity", "");
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
  if (round.record.accepted) {
    MASR_TRY(round.record.model_hash, HashOfFile(candidate()));
  }
  MASR_RETURN_IF_ERROR(Update(round));
  return Finish(round);
}

bool OwnerFolder::HoldsResultOf(const RoundUnderWay& round) const {
  const auto file = SafetensorsFile::Open(accepted());
  return file.has_value() && RoundOfMetadata(file->metadata()) == round.record.round;
}

// What it had decided is lost; what it has learned is in its checkpoint, and leads there again.
Status OwnerFolder::Reopen(RoundUnderWay round) const {
  round.finished = false;
  round.record.accepted = false;
  round.record.why.clear();
  round.record.model_hash.clear();
  MASR_RETURN_IF_ERROR(Update(round));
  return RemoveFile(candidate());
}

// Every step may have been done before a crash; each is done once.
Status OwnerFolder::Finish(const RoundUnderWay& round) {
  if (round.record.accepted) {
    if (!HoldsResultOf(round)) {
      const auto hash = HashOfFile(candidate());
      const bool whole =
          hash.has_value() && (round.record.model_hash.empty() || *hash == round.record.model_hash);
      if (!whole) return Reopen(round);
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

// round.json goes last, on the disk too: until then the rest can be finished or removed again.
Status OwnerFolder::Abandon() {
  MASR_RETURN_IF_ERROR(RemoveFile(checkpoint()));
  MASR_RETURN_IF_ERROR(RemoveFile(candidate()));
  MASR_RETURN_IF_ERROR(RemoveFile(round_speech()));
  const bool under_way = FileExists(round_file());
  if (under_way) MASR_RETURN_IF_ERROR(SyncFolder(path_));
  MASR_RETURN_IF_ERROR(RemoveFile(round_file()));
  return under_way ? SyncFolder(path_) : Status();
}

Status OwnerFolder::AddSpeech(int64_t round) const {
  if (!FileExists(round_speech())) return {};  // added before, and removed
  std::string lines;
  if (FileExists(speech())) {
    MASR_TRY(lines, ReadTextFile(speech()));
  }
  MASR_TRY(const std::string heard, ReadTextFile(round_speech()));
  MASR_TRY(const int64_t last, Advise(LastRoundOfSpeech(lines, speech()), kForgetSpeech));
  if (last >= round) return {};
  if (!lines.empty() && !lines.ends_with('\n')) lines += '\n';
  return ReplaceFile(speech(), lines + SpeechOfRound(heard, round));
}

Status OwnerFolder::WriteHistoryFile() const {
  return WriteJsonFile(history_file(), HistoryToJson(history_));
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

// That its bytes are those that were written, if that is known: a base has its fingerprint, and
// what a round gave its hash in the history.
Status OwnerFolder::CheckModel(const std::string& path) const {
  MASR_TRY(const Model model, LoadModel(path));
  const int64_t round = RoundOf(model);
  bool same = true;
  if (round == 0) {
    same = ModelFingerprint(model) == base_;
  } else {
    const auto record = std::ranges::find(history_, round, &RoundRecord::round);
    if (record != history_.end() && !record->model_hash.empty()) {
      MASR_TRY(const std::string hash, HashOfFile(path));
      same = hash == record->model_hash;
    }
  }
  if (same) return {};
  return Fail(ErrorCode::kCorrupt,
              path + ": its bytes are not those that were written (a failing disk?)");
}

Status OwnerFolder::Rollback() {
  if (!FileExists(previous())) {
    return Fail(ErrorCode::kNotFound,
                path_ +
                    ": there is no model before the accepted one; one step can be undone, and "
                    "none has been made since");
  }
  MASR_RETURN_IF_ERROR(Advise(CheckModel(previous()), "; remove it, or copy the base there"));
  MASR_RETURN_IF_ERROR(Abandon());
  MASR_RETURN_IF_ERROR(MoveFile(previous(), accepted()));
  return MarkRolledBack();
}

}  // namespace masr
