// Audio of many utterances in few uncompressed tar files, so that training streams from disk
// instead of opening a file per utterance. Anybody's tar unpacks them; NeMo and WebDataset read
// them as they are.
#ifndef MOBILEASR_DATA_SHARDS_H_
#define MOBILEASR_DATA_SHARDS_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/manifest.h"

namespace masr {

// Where the audio of one utterance of a manifest goes.
struct ShardItem {
  int64_t utterance = 0;
  int64_t shard = 0;
  std::string name;  // in the tar: "000000007.flac"
  int64_t offset_bytes = 0;
  int64_t size_bytes = 0;
};

// All utterances in the manifest's order, a new shard where the next one would pass `shard_bytes`.
// Reads sizes, no audio. Fails on a file that is missing, empty or larger than a gigabyte, and on a
// manifest that lies in shards already.
Result<std::vector<ShardItem>> PlanShards(const Manifest& manifest, int64_t shard_bytes);

// Of the whole tar file with these items, its end included.
int64_t ShardBytes(std::span<const ShardItem> items);

// Writes one shard: POSIX ustar, each file as it is, with neither times nor owners, so that the
// same audio gives the same bytes. Appears at `path` only when it is whole. Fails with kCancelled
// when `cancel` (which may be null) becomes true, and on audio whose size is not the planned one.
Status WriteShard(const Manifest& manifest, std::span<const ShardItem> items,
                  const std::string& path, const std::atomic<bool>* cancel);

}  // namespace masr

#endif  // MOBILEASR_DATA_SHARDS_H_
