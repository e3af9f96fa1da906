// One JSON line per update of a pretraining, for people who plot.
#ifndef MOBILEASR_APPS_CLI_UPDATE_LOG_H_
#define MOBILEASR_APPS_CLI_UPDATE_LOG_H_

#include <cstdio>
#include <memory>
#include <string>

#include "train/pretrain.h"

namespace masr::cli {

// Each line is on disk's way before the next update begins: a kill leaves whole lines.
class UpdateLog {
 public:
  // Replaces what is at `path`, or goes on after it.
  static Result<UpdateLog> Open(const std::string& path, bool append);

  // Fails if the line cannot be written; the training need not stop for that.
  Status Add(const PretrainProgress& progress);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_UPDATE_LOG_H_
