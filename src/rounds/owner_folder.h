// The folder of one owner's rounds: the recogniser they have led to, and what is needed to go on.
//
//   accepted.masr    the recogniser to use: the base at first, then what the last accepted round
//                    gave. It is there from the first round on, and always whole.
//   previous.masr    the one before it, for Rollback
//   history.json     what every round did (RoundRecord)
//   speech.jsonl     what rounds have heard, and which of it was kept aside
//   owner.json       which base this belongs to
//   round.json, round.jsonl, round.checkpoint, candidate.masr
//                    the round that is under way
//
// A round is accepted at the instant in which round.json says so. Whatever a crash leaves undone
// after that, the next Open does. What is in these files is sealed (rounds/seal.h), and the
// models' hashes are in the history: a damaged one is refused by name, and never taken for what it
// is not.
#ifndef MOBILEASR_ROUNDS_OWNER_FOLDER_H_
#define MOBILEASR_ROUNDS_OWNER_FOLDER_H_

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_lock.h"
#include "rounds/round_settings.h"
#include "train/round_record.h"

namespace masr {

struct RoundUnderWay {
  RoundRecord record;  // what is known of it so far
  RoundSettings settings;
  bool finished = false;  // and only the files have to be put in their places
  // Of everything that decides the weights which it gives; empty: not known yet.
  std::string identity = {};
};

// Locked: one process at a time. Move-only.
class OwnerFolder {
 public:
  // Makes the folder if it is not there, with a copy of the base as what is accepted. Fails if it
  // belongs to another base, if it is in use, or if it was written by a later version.
  static Result<OwnerFolder> Open(const std::string& path, const std::string& base);
  // One that is there already, whatever its base, and even where the accepted model is damaged (for
  // Rollback). kNotFound if it is not.
  static Result<OwnerFolder> OpenExisting(const std::string& path);

  std::string accepted() const { return path_ + "/accepted.masr"; }
  std::string candidate() const { return path_ + "/candidate.masr"; }
  std::string checkpoint() const { return path_ + "/round.checkpoint"; }
  std::string round_speech() const { return path_ + "/round.jsonl"; }
  std::string speech() const { return path_ + "/speech.jsonl"; }
  const std::string& path() const { return path_; }
  const std::string& base() const { return base_; }  // fingerprint
  // Where that lies; empty if the folder was opened without it.
  const std::string& base_file() const { return base_file_; }
  const std::vector<RoundRecord>& history() const { return history_; }

  // The round whose conclusion was cut short, and that Open has ended; empty: there was none.
  const std::optional<RoundRecord>& concluded() const { return concluded_; }
  // For the next round: larger than any that this folder knows of.
  Result<int64_t> NextRound(const Model& accepted) const;

  // Writes round.jsonl. What is there of a round that is under way is forgotten.
  Status PutSpeech(const std::string& lines);
  // Writes round.json: from then on the round is under way.
  Status Update(const RoundUnderWay& round) const;
  // Empty if there is none. An error where round.json is damaged: Abandon helps.
  Result<std::optional<RoundUnderWay>> UnderWay() const;
  // The round becomes part of the history; if it was accepted, candidate.masr becomes
  // accepted.masr.
  Status Conclude(RoundUnderWay round);
  // Forgets the round that is under way.
  Status Abandon();
  // The model before the last accepted one is the accepted one again; the round that gave that is
  // marked in the history. kNotFound if there is none: only one step can be undone.
  Status Rollback();

 private:
  OwnerFolder(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  static Result<OwnerFolder> Lock(const std::string& path);
  Status Load();
  bool HoldsResultOf(const RoundUnderWay& round) const;
  Status Reopen(RoundUnderWay round) const;
  Status Start(const std::string& base, const std::string& fingerprint);
  Status Finish(const RoundUnderWay& round);
  Status AddSpeech(int64_t round) const;
  Status WriteHistoryFile() const;
  Status MarkRolledBack();
  Status CheckModel(const std::string& path) const;
  std::string previous() const { return path_ + "/previous.masr"; }
  std::string round_file() const { return path_ + "/round.json"; }
  std::string history_file() const { return path_ + "/history.json"; }
  std::string owner_file() const { return path_ + "/owner.json"; }

  std::string path_;
  FileLock lock_;
  std::string base_;
  std::string base_file_;
  std::vector<RoundRecord> history_;
  std::optional<RoundRecord> concluded_;
};

// The round that gave a model, from its metadata; 0: none, it is the base.
int64_t RoundOf(const Model& model);
// For the metadata of what a round gives: its number, and the base's fingerprint.
inline constexpr const char* kRoundKey = "personalization.round";
inline constexpr const char* kBaseKey = "personalization.base";

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_OWNER_FOLDER_H_
