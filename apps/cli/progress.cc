#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace masr::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{15};

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0), last_(Clock::now() - kPlainLine) {}

void Progress::Update(double fraction, const std::string& text) {
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  last_ = now;
  const int percent = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100);
  if (!terminal_) {
    std::fprintf(stderr, "%3d%% %s\n", percent, text.c_str());
    return;
  }
  constexpr int kWidth = 24;
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i * 100 < percent * kWidth ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%s %3d%% %s", bar.c_str(), percent, text.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::Line(const std::string& text) {
  Clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Progress::Clear() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

std::string ClockText(double seconds) {
  const auto total = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof(text), "%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  } else {
    std::snprintf(text, sizeof(text), "%lld:%02lld", total / 60, total % 60);
  }
  return text;
}

}  // namespace masr::cli
