#include "data_folder.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "io/file.h"
#include "io/json.h"

namespace masr::cli {
namespace {

namespace fs = std::filesystem;

// FNV-1a (Fowler, Noll and Vo): to tell plans apart, not to keep secrets.
class Hash {
 public:
  void Add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
    value_ = (value_ ^ 0xff) * 0x100000001b3ull;  // between one text and the next
  }
  std::string Text() const {
    char text[20];
    std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value_));
    return text;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

Result<std::vector<std::string>> WholeLines(const std::string& path) {
  auto text = ReadTextFile(path);
  if (!text.has_value()) {
    if (text.error().code == ErrorCode::kNotFound) return std::vector<std::string>();
    return tl::unexpected(std::move(text.error()));
  }
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = text->find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text->substr(begin, end - begin));
  }
  return lines;
}

bool IsWhole(const fs::path& folder, const std::string& line) {
  const auto json = ParseJson(line);
  if (!json.has_value() || !json->is_object()) return false;
  const auto audio = json->find("audio_filepath");
  if (audio == json->end()) return json->contains("skipped");
  std::error_code error;
  return audio->is_string() && fs::file_size(folder / audio->get<std::string>(), error) > 0 &&
         !error;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

std::string Fingerprint(std::string_view text) {
  Hash hash;
  hash.Add(text);
  return hash.Text();
}

std::string Fingerprint(const Manifest& manifest) {
  Hash hash;
  for (const Utterance& u : manifest.utterances) {
    hash.Add(u.audio_path);
    hash.Add(std::to_string(u.offset_bytes) + " " + std::to_string(u.size_bytes));
    hash.Add(u.text);
  }
  return hash.Text();
}

Status BeginFolder(const std::string& folder, const Json& plan) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Fail(ErrorCode::kIo, folder + ": cannot make the folder: " + error.message());
  }
  const std::string path = folder + "/plan.json";
  const std::string wanted = plan.dump(1) + "\n";
  const auto found = ReadTextFile(path, 1 << 20);
  if (!found.has_value()) {
    if (found.error().code != ErrorCode::kNotFound) return tl::unexpected(found.error());
    return ReplaceFile(path, wanted);
  }
  if (*found == wanted) return {};
  return Fail(ErrorCode::kInvalidArgument, folder +
                                               ": was begun with other arguments or other data (" +
                                               path + "); give another --out, or delete it");
}

Status WriteFast(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return {};
  return Fail(ErrorCode::kIo, path + ": cannot write; free some space and run it again");
}

Status GrowingManifest::Open() {
  std::error_code error;
  finished_ = fs::exists(path_, error);
  MASR_TRY(lines_, WholeLines(finished_ ? path_ : path_ + ".part"));
  if (finished_ || lines_.empty()) return {};
  const fs::path folder = fs::path(path_).parent_path();
  const auto lost = std::find_if(lines_.begin(), lines_.end(),
                                 [&](const std::string& line) { return !IsWhole(folder, line); });
  lines_.erase(lost, lines_.end());
  return ReplaceFile(path_ + ".part", Joined(lines_));
}

Status GrowingManifest::Append(const std::vector<std::string>& lines) {
  std::ofstream file(path_ + ".part", std::ios::binary | std::ios::app);
  file << Joined(lines);
  file.flush();
  if (!file) {
    return Fail(ErrorCode::kIo, path_ + ".part: cannot write; free some space and run it again");
  }
  lines_.insert(lines_.end(), lines.begin(), lines.end());
  return {};
}

Status GrowingManifest::Finish(const std::vector<std::string>& lines) {
  MASR_RETURN_IF_ERROR(ReplaceFile(path_, Joined(lines)));
  std::error_code ignored;
  fs::remove(path_ + ".part", ignored);
  return {};
}

}  // namespace masr::cli
