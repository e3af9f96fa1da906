// masr_owner: the border of an owner's rounds.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "capi/owner_handle.h"
#include "capi/structs.h"
#include "report/report.h"
#include "train/round_record.h"

namespace masr::capi {
namespace {

Status CheckOpen(const masr_owner& owner) {
  if (owner.folder) return {};
  return Fail(ErrorCode::kInvalidArgument, "no folder is open; call masr_owner_open first");
}

masr_round_result ResultOf(const RoundRecord& record, const RoundEnd& end) {
  masr_round_result result = {.struct_size = sizeof(masr_round_result)};
  result.round = record.round;
  result.accepted = record.accepted ? 1 : 0;
  result.resumed = end.resumed ? 1 : 0;
  result.unfinished = end.unfinished ? 1 : 0;
  if (!record.epochs.empty()) {
    result.epochs = std::ssize(record.epochs) - 1;
    const int64_t best = std::clamp<int64_t>(record.best_epoch, 0, result.epochs);
    result.best_epoch = best;
    result.wer_before = record.epochs.front().validation_wer;
    result.cer_before = record.epochs.front().validation_cer;
    result.wer_after = record.epochs[static_cast<size_t>(best)].validation_wer;
    result.cer_after = record.epochs[static_cast<size_t>(best)].validation_cer;
  }
  result.audio_seconds = record.audio_seconds;
  result.seconds = record.seconds;
  result.planned_bytes = record.planned_peak_bytes;
  result.peak_bytes = record.peak_rss_bytes;
  result.sub_model = record.sub_model.c_str();
  result.why = record.why.c_str();
  result.halted_by = record.halted_by.c_str();
  return result;
}

}  // namespace
}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::ErrorCode;
using masr::Fail;
using masr::Status;

masr_status masr_owner_create(const masr_owner_options* options, masr_owner** owner) {
  if (owner == nullptr) return MASR_INVALID_ARGUMENT;
  *owner = nullptr;
  masr_status status = MASR_INVALID_ARGUMENT;
  const bool had_memory = Guarded([&] {
    const auto read = ReadOptions(options, "masr_owner_options");
    if (!read.has_value() || !CheckThreads(read->threads).has_value()) return;
    *owner = new masr_owner(*read, ThreadCount(read->threads));
    status = MASR_OK;
  });
  return had_memory ? status : MASR_NO_SPACE;
}

void masr_owner_destroy(masr_owner* owner) {
  // What memory ran out in is left as it is: taking it apart could wait for ever.
  if (owner != nullptr && !owner->broken) delete owner;
}

const char* masr_owner_error(const masr_owner* owner) {
  return owner == nullptr ? "the owner is NULL" : owner->message.c_str();
}

masr_status masr_owner_set_cancelled(masr_owner* owner, int32_t cancelled) {
  if (owner == nullptr) return MASR_INVALID_ARGUMENT;
  owner->cancelled.store(cancelled != 0);
  return MASR_OK;
}

masr_status masr_owner_open(masr_owner* owner, const char* folder, const char* base) {
  return EnterPlain(owner, [&]() -> Status {
    if (folder == nullptr || base == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "folder and base must not be NULL");
    }
    // The folder that was open is closed first: it may be the same, which is locked.
    owner->folder.reset();
    MASR_TRY(owner->folder, masr::OwnerFolder::Open(folder, base));
    return {};
  });
}

masr_status masr_owner_model(masr_owner* owner, char* path, size_t* bytes) {
  return Enter(owner, [&]() -> Outcome {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    return CopyText(owner->folder->accepted(), path, bytes);
  });
}

masr_status masr_owner_measure(masr_owner* owner) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    MASR_RETURN_IF_ERROR(CheckCancelled(owner->cancelled));
    return MeasureOwner(*owner);
  });
}

masr_status masr_owner_profile(masr_owner* owner, char* json, size_t* bytes) {
  return Enter(owner, [&]() -> Outcome {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    MASR_TRY(const std::string text, GetProfile(*owner));
    return CopyText(text, json, bytes);
  });
}

masr_status masr_owner_set_profile(masr_owner* owner, const char* json) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    return SetProfile(*owner, json);
  });
}

masr_status masr_owner_plan(masr_owner* owner, const masr_round_options* options, masr_plan* plan) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    MASR_RETURN_IF_ERROR(CheckCancelled(owner->cancelled));
    MASR_TRY(const masr_round_options read, ReadStruct(options, "masr_round_options"));
    MASR_RETURN_IF_ERROR(CheckSize(plan, "masr_plan"));
    MASR_TRY(const masr_plan made, PlanRound(*owner, read));
    WriteStruct(made, plan);
    return {};
  });
}

masr_status masr_owner_run(masr_owner* owner, const masr_round_options* options,
                           masr_round_result* result) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    MASR_RETURN_IF_ERROR(CheckCancelled(owner->cancelled));
    MASR_TRY(const masr_round_options read, ReadStruct(options, "masr_round_options"));
    if (result != nullptr) MASR_RETURN_IF_ERROR(CheckSize(result, "masr_round_result"));
    MASR_TRY(const RoundEnd end, RunRound(*owner, read));
    if (result != nullptr) WriteStruct(ResultOf(owner->record, end), result);
    return {};
  });
}

masr_status masr_owner_rollback(masr_owner* owner) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    return owner->folder->Rollback();
  });
}

masr_status masr_owner_history(masr_owner* owner, char* json, size_t* bytes) {
  return Enter(owner, [&]() -> Outcome {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    const std::string text = masr::HistoryToJson(owner->folder->history())
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return CopyText(text, json, bytes);
  });
}

masr_status masr_owner_report(masr_owner* owner, const char* path) {
  return EnterPlain(owner, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckOpen(*owner));
    if (path == nullptr || *path == '\0') {
      return Fail(ErrorCode::kInvalidArgument, "a path must not be NULL or empty");
    }
    return masr::WriteReport(owner->folder->history(), path);
  });
}
