#include "data_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/hash.h"
#include "io/file.h"
#include "io/json.h"

namespace masr::cli {
namespace {

namespace fs = std::filesystem;

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
  Fnv1a hash;
  hash.Add(text);
  return hash.Text();
}

std::string Fingerprint(const Manifest& manifest) {
  Fnv1a hash;
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
