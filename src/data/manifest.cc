#include "data/manifest.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "data/manifest_forms.h"
#include "io/file.h"
#include "text/normalizer.h"

namespace masr {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kForms =
    "what can be read is a file of JSON lines with \"audio_filepath\" and \"text\" (NeMo), a .tsv "
    "file whose first line names the columns path and sentence, or audio and text (Common Voice), "
    "a Kaldi folder with wav.scp and text, or a folder of audio files with a .txt beside each";

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Status CheckIsText(std::string_view text, const std::string& path) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return Fail(ErrorCode::kUnsupported, path + ": is UTF-16; save it as UTF-8");
  }
  if (text.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kUnsupported,
                path + ": is not a list of utterances but a binary file; " + std::string(kForms));
  }
  return {};
}

Result<std::string> ReadManifestText(const fs::path& path) {
  MASR_TRY(std::string text, ReadTextFile(path.string()));
  MASR_RETURN_IF_ERROR(CheckIsText(text, path.string()));
  return text;
}

Status ReadKaldiFolder(const fs::path& folder, Manifest& manifest) {
  std::error_code error;
  if (fs::exists(folder / "segments", error)) {
    return Fail(ErrorCode::kUnsupported,
                folder.string() +
                    ": has segments; cut the recordings into one audio file per "
                    "utterance");
  }
  MASR_TRY(const std::string wav_scp, ReadManifestText(folder / "wav.scp"));
  std::string text;
  if (IsFile(folder / "text")) {
    MASR_TRY(text, ReadManifestText(folder / "text"));
  }
  std::string utt2spk;
  if (IsFile(folder / "utt2spk")) {
    MASR_TRY(utt2spk, ReadManifestText(folder / "utt2spk"));
  }
  ParseKaldiManifest({wav_scp, text, utt2spk}, folder.string(), manifest);
  return {};
}

// Fills in manifest and the folders in which a relative audio path is looked for, in that order.
Status ReadAnyForm(const fs::path& path, Manifest& manifest, std::vector<fs::path>& folders) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (IsFile(path / "wav.scp") && (IsFile(path / "text") || !manifest.needs_text)) {
      // Kaldi's paths are relative to where its recipe runs.
      folders = {path, ""};
      return ReadKaldiFolder(path, manifest);
    }
    folders = {""};
    return ReadFolderManifest(path.string(), manifest);
  }
  MASR_TRY(const std::string text, ReadManifestText(path));
  const fs::path folder = path.parent_path();
  const std::string name = path.filename().string();
  if (path.extension() == ".tsv") {
    // Common Voice keeps its audio in a folder of this name beside the lists.
    folders = {folder, folder / "clips"};
    return ParseTsvManifest(text, name, manifest);
  }
  folders = {folder};
  ParseNemoManifest(text, name, manifest);
  return {};
}

// The first place where the file is, or nothing.
std::string Resolve(const std::string& audio_path, const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) {
    const fs::path candidate = folder / audio_path;  // an absolute path replaces the folder
    if (IsFile(candidate)) return candidate.string();
  }
  return {};
}

// Files that have been looked for already: a shard holds thousands of utterances.
class Places {
 public:
  explicit Places(const std::vector<fs::path>& folders) : folders_(folders) {}

  // Puts the path that can be opened in place of the one that was written.
  Status Find(Utterance& utterance) {
    if (utterance.size_bytes == 0) {
      std::string path = Resolve(utterance.audio_path, folders_);
      if (path.empty()) return Missing("audio file", utterance.audio_path);
      utterance.audio_path = std::move(path);
      return {};
    }
    auto [found, is_new] = shards_.try_emplace(utterance.audio_path);
    Shard& shard = found->second;
    if (is_new) {
      shard.path = Resolve(utterance.audio_path, folders_);
      std::error_code error;
      const auto bytes = fs::file_size(shard.path, error);
      if (!error) shard.bytes = static_cast<int64_t>(bytes);
    }
    if (shard.path.empty()) return Missing("shard", utterance.audio_path);
    if (utterance.offset_bytes > shard.bytes ||
        utterance.size_bytes > shard.bytes - utterance.offset_bytes) {
      return Fail(ErrorCode::kCorrupt,
                  shard.path + ": holds " + std::to_string(shard.bytes) + " bytes, but " +
                      std::to_string(utterance.size_bytes) + " are wanted from byte " +
                      std::to_string(utterance.offset_bytes) + "; copy or make the shard again");
    }
    utterance.audio_path = shard.path;
    return {};
  }

 private:
  struct Shard {
    std::string path;
    int64_t bytes = 0;
  };

  Status Missing(const std::string& what, const std::string& path) const {
    return Fail(ErrorCode::kNotFound, "there is no " + what + " " +
                                          (folders_.front() / path).string() +
                                          "; correct the path or copy it there");
  }

  const std::vector<fs::path>& folders_;
  std::map<std::string, Shard> shards_;
};

void ResolveAudio(const std::vector<fs::path>& folders, Manifest& manifest) {
  Places places(folders);
  std::vector<Utterance> found;
  for (Utterance& utterance : manifest.utterances) {
    const Status status = places.Find(utterance);
    if (!status.has_value()) {
      manifest.problems.push_back({utterance.where, status.error().message});
      continue;
    }
    found.push_back(std::move(utterance));
  }
  manifest.utterances = std::move(found);
}

}  // namespace

void AddUtterance(Utterance utterance, Manifest& manifest) {
  const auto refuse = [&](std::string message) {
    manifest.problems.push_back({utterance.where, std::move(message)});
  };
  if (utterance.audio_path.empty() || utterance.audio_path.find('\0') != std::string::npos) {
    return refuse("the path of the audio file is empty or not a path");
  }
  utterance.text = NormalizeEnglish(utterance.text);
  if (utterance.text.empty() && manifest.needs_text) {
    return refuse("there is no text; transcribe it or remove the line");
  }
  manifest.utterances.push_back(std::move(utterance));
}

Result<Manifest> ReadManifest(const std::string& path, bool needs_text) {
  Manifest manifest;
  manifest.path = path;
  manifest.needs_text = needs_text;
  std::vector<fs::path> folders;
  MASR_RETURN_IF_ERROR(ReadAnyForm(path, manifest, folders));
  if (manifest.utterances.empty()) {
    std::string message = path + ": no utterance can be read; ";
    if (!manifest.problems.empty()) {
      const ManifestProblem& first = manifest.problems.front();
      message += "the first problem is " + first.where + ": " + first.message + "; ";
    }
    return Fail(ErrorCode::kCorrupt, message + std::string(kForms));
  }
  ResolveAudio(folders, manifest);
  return manifest;
}

}  // namespace masr
