#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "data/manifest_forms.h"
#include "io/file.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTextBytes = 1 << 20;

// What libsndfile opens, and other audio that a person may well have.
constexpr auto kReadable = std::to_array<std::string_view>(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"});
constexpr auto kUnreadable =
    std::to_array<std::string_view>({".m4a", ".aac", ".wma", ".amr", ".webm", ".mp4", ".3gp"});

template <class List>
bool Contains(const List& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string LowerExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

Result<std::vector<fs::path>> SortedFiles(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code not_a_file;
    if (entry->is_regular_file(not_a_file)) files.push_back(entry->path());
  }
  if (error) return Fail(ErrorCode::kIo, folder + ": cannot list: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Status ReadFolderManifest(const std::string& folder, Manifest& manifest) {
  MASR_TRY(const std::vector<fs::path> files, SortedFiles(folder));
  std::set<std::string> transcribed;  // paths without extension that an audio file has taken
  for (const fs::path& path : files) {
    const std::string extension = LowerExtension(path);
    const auto refuse = [&](std::string message) {
      manifest.problems.push_back({path.string(), std::move(message)});
    };
    if (Contains(kUnreadable, extension)) refuse("not readable here; convert it to FLAC or WAV");
    if (!Contains(kReadable, extension)) continue;

    fs::path text_path = path;
    text_path.replace_extension(".txt");
    if (!transcribed.insert(text_path.string()).second) {
      refuse("another audio file has the same name but for the ending; remove one of them");
      continue;
    }
    Result<std::string> text = ReadTextFile(text_path.string(), kMaxTextBytes);
    if (!text.has_value() && !manifest.needs_text && text.error().code == ErrorCode::kNotFound) {
      text = std::string();
    }
    if (!text.has_value()) {
      refuse("its transcript cannot be read: " + text.error().message);
      continue;
    }
    Utterance utterance;
    utterance.audio_path = path.string();
    utterance.text = std::move(*text);
    utterance.where = path.string();
    AddUtterance(std::move(utterance), manifest);
  }
  for (const fs::path& path : files) {
    if (path.extension() == ".txt" && !transcribed.contains(path.string())) {
      manifest.problems.push_back({path.string(), "there is no audio file of this name beside it"});
    }
  }
  return {};
}

}  // namespace masr
