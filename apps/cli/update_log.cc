#include "update_log.h"

#include <cerrno>
#include <cstring>

#include "command.h"

namespace masr::cli {
namespace {

// A kill, or a full disk, may have left half a line; the next one must not be glued to it.
bool EndsInsideALine(std::FILE* file) {
  if (std::fseek(file, -1, SEEK_END) != 0) return false;  // empty
  return std::fgetc(file) != '\n';
}

Error FileError(const std::string& path, const char* what) {
  return {ErrorCode::kIo, path + ": " + what + ": " + std::strerror(errno)};
}

}  // namespace

Result<UpdateLog> UpdateLog::Open(const std::string& path, bool append) {
  UpdateLog log;
  log.path_ = path;
  log.file_.reset(std::fopen(path.c_str(), append ? "a+" : "w"));
  if (log.file_ == nullptr) return tl::unexpected(FileError(path, "cannot open the log"));
  if (append && EndsInsideALine(log.file_.get())) {
    std::fseek(log.file_.get(), 0, SEEK_END);
    std::fputc('\n', log.file_.get());
  }
  return log;
}

Status UpdateLog::Add(const PretrainProgress& p) {
  const Json line = {{"step", p.step},
                     {"stage", p.stage},
                     {"epoch", p.epoch},
                     {"update", p.update},
                     {"loss", p.update_loss},
                     {"learning_rate", p.learning_rate},
                     {"gradient_norm", p.gradient_norm},
                     {"tokens", p.tokens},
                     {"audio_seconds", p.audio_seconds},
                     {"seconds", p.seconds}};
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() ||
      std::fflush(file_.get()) != 0) {
    return tl::unexpected(FileError(path_, "cannot write the log"));
  }
  return {};
}

}  // namespace masr::cli
