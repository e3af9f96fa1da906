// Progress for people: one line that redraws itself on a terminal, a plain line now and then
// elsewhere.
#ifndef MOBILEASR_APPS_CLI_PROGRESS_H_
#define MOBILEASR_APPS_CLI_PROGRESS_H_

#include <chrono>
#include <string>

namespace masr::cli {

class Progress {
 public:
  // Everything goes to standard error, so that results can be piped.
  Progress();

  // `fraction` in [0, 1]; `text` says the rest.
  void Update(double fraction, const std::string& text);
  // Leaves a finished line behind.
  void Line(const std::string& text);
  // Removes the redrawn line.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point last_;
};

// "1:02:03" or "2:03".
std::string ClockText(double seconds);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_PROGRESS_H_
