// What enters the lowest block that learns, kept from epoch to epoch: the blocks below it do not
// change, and so neither does what they give for an utterance.
#ifndef MOBILEASR_TRAIN_PREFIX_CACHE_H_
#define MOBILEASR_TRAIN_PREFIX_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/scratch_file.h"
#include "model/inference.h"
#include "train/batch_loader.h"

namespace masr {

enum class CachePlace : uint8_t {
  kNone,
  kRam,
  kDisk,  // a file without a name, gone with the process
};
enum class CacheFormat : uint8_t { kF32, kBf16 };

struct PrefixCacheOptions {
  CachePlace place = CachePlace::kNone;
  std::string folder;  // of kDisk
  // What does not fit is computed again each time. The default holds two hours of speech of the
  // shipped model.
  int64_t budget_bytes = int64_t{64} << 20;
  // Half the bytes, and as good: docs/resources.md.
  CacheFormat format = CacheFormat::kBf16;
};

// Frames of one utterance, [frames, width], or why there are none.
using PrefixRows = Result<std::vector<float>>;

struct PrefixCacheCounts {
  int64_t computed = 0;  // utterances that have run through the blocks below
  int64_t found = 0;     // that have not
  int64_t bytes = 0;     // that are kept
};

// What it gives is rounded to its format first, so that it is the same bits whether it was kept or
// not, wherever, and for any number of threads. The weights of the blocks below must stay as they
// are. Movable; one thread at a time.
class PrefixCache {
 public:
  // Model, dataset, threads and arena must outlive it. Blocks below `first_block`, at most the
  // head, run in `arena` without dropout, an utterance at a time; between calls others may use it.
  // Fails, naming the folder, where a file cannot be made in it; a full disk is not a failure.
  static Result<PrefixCache> Create(const Model& model, SpeechDataset& dataset, size_t first_block,
                                    const ThreadPool& threads, Arena* arena,
                                    const PrefixCacheOptions& options);

  size_t first_block() const { return first_block_; }
  int64_t width() const { return width_; }

  // In the order of `utterances`. Audio that cannot be read and utterances that are too short are
  // single errors; only an arena that cannot be had fails the whole.
  Result<std::vector<PrefixRows>> Get(std::span<const int64_t> utterances);

  const PrefixCacheCounts& counts() const { return counts_; }
  // Why the file is not used any more: a disk that is full or fails. Empty: nothing happened.
  const std::string& trouble() const { return trouble_; }

  // As BatchLoader's.
  void LimitReading(double seconds) { loader_.LimitReading(seconds); }

 private:
  // Where an utterance is. `values` counts f32 or bf16 numbers.
  struct Entry {
    size_t values = 0;
    int64_t offset = -1;               // in the file; -1: not there
    std::unique_ptr<uint8_t[]> bytes;  // in memory
  };

  PrefixCache(const Model& model, const SpeechDataset& dataset, size_t first_block,
              const ThreadPool& threads, Arena* arena, const PrefixCacheOptions& options,
              BatchLoader loader);
  std::optional<std::vector<float>> Find(int64_t utterance);
  void Keep(int64_t utterance, std::span<const uint8_t> bytes, size_t values);
  PrefixRows RunPrefix(int64_t utterance, std::vector<float> features);
  void GiveUpFile(const Error& error);

  const Model* model_;
  const SpeechDataset* dataset_;
  const ThreadPool* threads_;
  size_t first_block_;
  int64_t width_;
  PrefixCacheOptions options_;
  BatchLoader loader_;
  Inference inference_;
  std::vector<Entry> entries_;  // by utterance
  std::optional<ScratchFile> file_;
  PrefixCacheCounts counts_;
  std::string trouble_;
};

}  // namespace masr

#endif  // MOBILEASR_TRAIN_PREFIX_CACHE_H_
