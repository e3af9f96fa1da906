#include "data/shards.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "io/file.h"

namespace masr {
namespace {

constexpr int64_t kBlockBytes = 512;
constexpr int64_t kEndBytes = 2 * kBlockBytes;  // of zeros
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;

int64_t PaddedBytes(int64_t size_bytes) {
  return (size_bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// POSIX.1-1988: fields at fixed places, numbers in octal, a sum of all bytes with the sum's own
// field taken as spaces.
std::array<uint8_t, kBlockBytes> TarHeader(const std::string& name, int64_t size_bytes) {
  std::array<uint8_t, kBlockBytes> header{};
  const auto put = [&](size_t at, const std::string& text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
  };
  char size[12];
  std::snprintf(size, sizeof(size), "%011llo", static_cast<unsigned long long>(size_bytes));
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar");
  put(263, "00");
  unsigned sum = 0;
  for (const uint8_t byte : header) sum += byte;
  char checksum[8];
  std::snprintf(checksum, sizeof(checksum), "%06o", sum);
  put(148, checksum);
  header[154] = 0;
  return header;
}

std::string NameInTar(int64_t index, const std::string& audio_path) {
  char number[24];
  std::snprintf(number, sizeof(number), "%09lld", static_cast<long long>(index));
  // WebDataset takes all from the first dot on for the kind of file.
  std::string extension = std::filesystem::path(audio_path).extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return number + (extension.empty() || extension.size() > 16 ? ".audio" : extension);
}

}  // namespace

Result<std::vector<ShardItem>> PlanShards(const Manifest& manifest, int64_t shard_bytes) {
  std::vector<ShardItem> items;
  int64_t shard = 0;
  int64_t used = 0;
  for (size_t i = 0; i < manifest.utterances.size(); ++i) {
    const Utterance& utterance = manifest.utterances[i];
    if (utterance.size_bytes > 0) {
      return Fail(
          ErrorCode::kUnsupported,
          utterance.where +
              ": lies in a shard already; give the manifest that the shards were made from");
    }
    std::error_code error;
    const auto size = static_cast<int64_t>(std::filesystem::file_size(utterance.audio_path, error));
    if (error || size < 1 || size > kMaxFileBytes) {
      return Fail(ErrorCode::kCorrupt,
                  utterance.where + ": " + utterance.audio_path +
                      (error ? ": " + error.message() + "; correct the path"
                             : ": is empty or larger than a gigabyte; remove the line"));
    }
    const int64_t needed = kBlockBytes + PaddedBytes(size);
    if (used > 0 && used + needed + kEndBytes > shard_bytes) {
      ++shard;
      used = 0;
    }
    const auto index = static_cast<int64_t>(i);
    items.push_back({.utterance = index,
                     .shard = shard,
                     .name = NameInTar(index, utterance.audio_path),
                     .offset_bytes = used + kBlockBytes,
                     .size_bytes = size});
    used += needed;
  }
  return items;
}

int64_t ShardBytes(std::span<const ShardItem> items) {
  if (items.empty()) return kEndBytes;
  return items.back().offset_bytes + PaddedBytes(items.back().size_bytes) + kEndBytes;
}

Status WriteShard(const Manifest& manifest, std::span<const ShardItem> items,
                  const std::string& path, const std::atomic<bool>* cancel) {
  return ReplaceFile(path, [&](FileSink& sink) -> Status {
    const std::vector<uint8_t> zeros(kEndBytes);
    for (const ShardItem& item : items) {
      if (cancel != nullptr && cancel->load()) return Fail(ErrorCode::kCancelled, "stopped");
      const Utterance& utterance = manifest.utterances[static_cast<size_t>(item.utterance)];
      MASR_TRY(const std::vector<uint8_t> audio,
               ReadFileRange(utterance.audio_path, 0, item.size_bytes));
      const auto header = TarHeader(item.name, item.size_bytes);
      MASR_RETURN_IF_ERROR(sink.Write(header));
      MASR_RETURN_IF_ERROR(sink.Write(audio));
      const int64_t padding = PaddedBytes(item.size_bytes) - item.size_bytes;
      MASR_RETURN_IF_ERROR(sink.Write(std::span(zeros).first(static_cast<size_t>(padding))));
    }
    return sink.Write(zeros);
  });
}

}  // namespace masr
