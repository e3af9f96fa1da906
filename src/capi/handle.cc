#include "capi/handle.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/floating_point.h"

namespace masr::capi {

// Public codes are ErrorCode's, one up.
static_assert(MASR_INVALID_ARGUMENT == static_cast<int>(ErrorCode::kInvalidArgument) + 1);
static_assert(MASR_NOT_FOUND == static_cast<int>(ErrorCode::kNotFound) + 1);
static_assert(MASR_CORRUPT == static_cast<int>(ErrorCode::kCorrupt) + 1);
static_assert(MASR_UNSUPPORTED == static_cast<int>(ErrorCode::kUnsupported) + 1);
static_assert(MASR_IO == static_cast<int>(ErrorCode::kIo) + 1);
static_assert(MASR_NO_SPACE == static_cast<int>(ErrorCode::kNoSpace) + 1);
static_assert(MASR_CANCELLED == static_cast<int>(ErrorCode::kCancelled) + 1);
static_assert(MASR_DIVERGED == static_cast<int>(ErrorCode::kDiverged) + 1);

masr_status StatusOf(ErrorCode code) {
  return static_cast<masr_status>(static_cast<int>(code) + 1);
}

ErrorCode CodeOf(masr_status status) {
  if (status < MASR_INVALID_ARGUMENT || status > MASR_DIVERGED) return ErrorCode::kInvalidArgument;
  return static_cast<ErrorCode>(static_cast<int>(status) - 1);
}

namespace {

masr_status Finish(Handle* handle, const Outcome& outcome) {
  if (!outcome.has_value()) {
    handle->message = outcome.error().message;
    return StatusOf(outcome.error().code);
  }
  if (*outcome == MASR_BUFFER_TOO_SMALL) {
    handle->message = "a buffer is too small; what is needed has been written";
  }
  return *outcome;
}

}  // namespace

masr_status Enter(Handle* handle, Body<Outcome> body) {
  if (handle == nullptr) return MASR_INVALID_ARGUMENT;
  if (handle->busy.exchange(true)) return MASR_BUSY;
  masr_status status = MASR_NO_SPACE;
  if (!handle->broken) {
    const DefaultFloatingPoint mode;
    handle->message.clear();
    handle->broken = !Guarded([&] { status = Finish(handle, body()); });
    if (handle->broken) {
      status = MASR_NO_SPACE;
      // Where there is no memory for that either, the code has to do.
      Guarded(
          [&] { handle->message = "out of memory in the middle of a call; destroy the handle"; });
    }
  }
  handle->busy.store(false);
  return status;
}

masr_status EnterPlain(Handle* handle, Body<Status> body) {
  return Enter(handle, [&]() -> Outcome {
    MASR_RETURN_IF_ERROR(body());
    return MASR_OK;
  });
}

Status CheckCancelled(const std::atomic<bool>& cancelled) {
  if (!cancelled.load()) return {};
  return Fail(ErrorCode::kCancelled,
              "stopped by its owner; take the request back with ..._set_cancelled(handle, 0)");
}

int ThreadCount(int32_t asked) {
  if (asked > 0) return asked;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Status CheckThreads(int32_t asked) {
  if (asked >= 0 && asked <= 1024) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "threads must be from 1 to 1024, or 0 for one for each core, not " + std::to_string(asked));
}

Outcome CopyText(const std::string& text, char* buffer, size_t* bytes) {
  if (bytes == nullptr) return Fail(ErrorCode::kInvalidArgument, "bytes must not be NULL");
  const size_t room = *bytes;
  *bytes = text.size() + 1;
  if (buffer == nullptr) return MASR_OK;
  if (room < *bytes) return MASR_BUFFER_TOO_SMALL;
  std::memcpy(buffer, text.c_str(), *bytes);
  return MASR_OK;
}

}  // namespace masr::capi
