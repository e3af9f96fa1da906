#include "train/prefix_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "tensor/quantize.h"

namespace masr {
namespace {

size_t BytesPerValue(CacheFormat format) {
  return format == CacheFormat::kBf16 ? sizeof(uint16_t) : sizeof(float);
}

std::vector<uint8_t> Pack(CacheFormat format, std::span<const float> values) {
  std::vector<uint8_t> bytes(values.size() * BytesPerValue(format));
  if (format == CacheFormat::kF32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = FloatToBf16(values[i]);
    std::memcpy(bytes.data() + i * sizeof(bits), &bits, sizeof(bits));
  }
  return bytes;
}

std::vector<float> Unpack(CacheFormat format, std::span<const uint8_t> bytes) {
  std::vector<float> values(bytes.size() / BytesPerValue(format));
  if (format == CacheFormat::kF32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    values[i] = Bf16ToFloat(bits);
  }
  return values;
}

}  // namespace

Result<PrefixCache> PrefixCache::Create(const Model& model, SpeechDataset& dataset,
                                        size_t first_block, const ThreadPool& threads, Arena* arena,
                                        const PrefixCacheOptions& options) {
  MASR_TRY(BatchLoader loader, BatchLoader::Create(model, dataset, nullptr, threads));
  PrefixCache cache(model, dataset, std::min(first_block, model.encoder.blocks().size() - 1),
                    threads, arena, options, std::move(loader));
  if (options.place == CachePlace::kDisk) {
    auto file = ScratchFile::Create(options.folder);
    if (file.has_value()) {
      cache.file_ = std::move(*file);
    } else if (file.error().code == ErrorCode::kNoSpace) {
      cache.GiveUpFile(file.error());
    } else {
      return tl::unexpected(std::move(file.error()));
    }
  }
  return cache;
}

PrefixCache::PrefixCache(const Model& model, const SpeechDataset& dataset, size_t first_block,
                         const ThreadPool& threads, Arena* arena, const PrefixCacheOptions& options,
                         BatchLoader loader)
    : model_(&model),
      dataset_(&dataset),
      threads_(&threads),
      first_block_(first_block),
      width_(model.encoder.InputDim(first_block)),
      options_(options),
      loader_(std::move(loader)),
      inference_(model, threads, arena),
      entries_(static_cast<size_t>(dataset.size())) {}

// Nothing is lost by it but time.
void PrefixCache::GiveUpFile(const Error& error) {
  trouble_ = error.message;
  file_.reset();
  for (Entry& entry : entries_) entry = {};
  counts_.bytes = 0;
}

std::optional<std::vector<float>> PrefixCache::Find(int64_t utterance) {
  const Entry& entry = entries_[static_cast<size_t>(utterance)];
  const size_t size = entry.values * BytesPerValue(options_.format);
  if (entry.bytes != nullptr) return Unpack(options_.format, {entry.bytes.get(), size});
  if (entry.offset < 0) return std::nullopt;
  std::vector<uint8_t> bytes(size);
  if (const Status status = file_->Read(entry.offset, bytes); !status.has_value()) {
    GiveUpFile(status.error());
    return std::nullopt;
  }
  return Unpack(options_.format, bytes);
}

void PrefixCache::Keep(int64_t utterance, std::span<const uint8_t> bytes, size_t values) {
  const auto size = static_cast<int64_t>(bytes.size());
  if (counts_.bytes + size > options_.budget_bytes) return;
  Entry& entry = entries_[static_cast<size_t>(utterance)];
  if (options_.place == CachePlace::kRam) {
    // A device without memory left computes again, too.
    std::unique_ptr<uint8_t[]> copy(new (std::nothrow) uint8_t[bytes.size()]);
    if (copy == nullptr) return;
    std::copy(bytes.begin(), bytes.end(), copy.get());
    entry.bytes = std::move(copy);
  } else {
    if (!file_) return;
    // One after the other; what a failed write has left behind is written over.
    if (const Status status = file_->Write(counts_.bytes, bytes); !status.has_value()) {
      trouble_ = status.error().message;
      options_.budget_bytes = counts_.bytes;  // those that are there stay
      return;
    }
    entry.offset = counts_.bytes;
  }
  entry.values = values;
  counts_.bytes += size;
}

PrefixRows PrefixCache::RunPrefix(int64_t utterance, std::vector<float> features) {
  const int64_t frames = static_cast<int64_t>(features.size()) / model_->encoder.mels();
  if (const int64_t out_frames = frames < 1 ? 0 : model_->encoder.OutputFrames(frames);
      out_frames < 1) {
    MASR_RETURN_IF_ERROR(
        CheckTargetFits(dataset_->utterance(utterance), dataset_->target(utterance), out_frames));
  }
  if (first_block_ == 0) return features;
  MASR_TRY(Logits rows, inference_.RunBlocks({0, first_block_}, {frames}, features));
  return std::move(rows.values);
}

Result<std::vector<PrefixRows>> PrefixCache::Get(std::span<const int64_t> utterances) {
  std::vector<PrefixRows> all(utterances.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < utterances.size(); ++i) {
    auto found = Find(utterances[i]);
    if (found) {
      all[i] = std::move(*found);
    } else {
      missing.push_back(i);
    }
  }
  counts_.found += static_cast<int64_t>(utterances.size() - missing.size());
  threads_->ParallelFor(missing.size(), [&](size_t m, int) {
    all[missing[m]] = loader_.Features({&utterances[missing[m]], 1}, {}, 0);
  });
  for (const size_t i : missing) {
    if (!all[i].has_value()) continue;
    auto rows = RunPrefix(utterances[i], std::move(*all[i]));
    if (!rows.has_value()) {
      if (rows.error().code == ErrorCode::kNoSpace) return tl::unexpected(std::move(rows.error()));
      all[i] = tl::unexpected(std::move(rows.error()));
      continue;
    }
    counts_.computed += 1;
    const std::vector<uint8_t> bytes = Pack(options_.format, *rows);
    if (options_.place != CachePlace::kNone) Keep(utterances[i], bytes, rows->size());
    all[i] = Unpack(options_.format, bytes);
  }
  return all;
}

}  // namespace masr
