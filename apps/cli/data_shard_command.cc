#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "data/shards.h"
#include "data_command.h"
#include "data_folder.h"
#include "io/file.h"
#include "io/json.h"
#include "progress.h"

namespace masr::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  CommonOptions common;
  std::string manifest;
  std::string out;
  int64_t shard_bytes = int64_t{256} << 20;
};

// NeMo's name for shard i of a tarred data set.
std::string ShardName(int64_t shard) { return "audio_" + std::to_string(shard) + ".tar"; }

std::vector<std::span<const ShardItem>> ByShard(std::span<const ShardItem> items) {
  std::vector<std::span<const ShardItem>> shards;
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin;
    while (end < items.size() && items[end].shard == items[begin].shard) ++end;
    shards.push_back(items.subspan(begin, end - begin));
    begin = end;
  }
  return shards;
}

bool IsThere(const std::string& path, int64_t bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return !error && static_cast<int64_t>(size) == bytes;
}

Result<std::string> ManifestText(const Manifest& manifest, std::span<const ShardItem> items) {
  MASR_TRY(const std::vector<Json> fields, ManifestFields(manifest));
  std::string text;
  for (const ShardItem& item : items) {
    Json line = {{"audio_filepath", item.name},
                 {"shard_id", item.shard},
                 {"shard", ShardName(item.shard)},
                 {"offset_bytes", item.offset_bytes},
                 {"size_bytes", item.size_bytes}};
    line.update(fields[static_cast<size_t>(item.utterance)]);
    MASR_TRY(const std::string json, WriteJson(line));
    text += json + "\n";
  }
  return text;
}

Status Run(const Options& options) {
  MASR_TRY(const Manifest manifest, ReadManifest(options.manifest));
  PrintProblems(manifest.problems);
  if (manifest.utterances.empty()) {
    return Fail(ErrorCode::kInvalidArgument, options.manifest + ": no usable utterance");
  }
  MASR_TRY(const std::vector<ShardItem> items, PlanShards(manifest, options.shard_bytes));
  const auto shards = ByShard(items);
  int64_t total_bytes = 0;
  std::string sizes;
  for (const auto& shard : shards) total_bytes += ShardBytes(shard);
  for (const ShardItem& item : items) sizes += std::to_string(item.size_bytes) + " ";
  MASR_RETURN_IF_ERROR(BeginFolder(options.out, {{"command", "shard"},
                                                 {"shard_bytes", options.shard_bytes},
                                                 {"utterances", items.size()},
                                                 {"data", Fingerprint(manifest)},
                                                 {"sizes", Fingerprint(sizes)}}));
  Progress progress;
  int64_t done_bytes = 0;
  for (const auto& shard : shards) {
    const std::string path = options.out + "/" + ShardName(shard[0].shard);
    if (!IsThere(path, ShardBytes(shard))) {
      const Status status = WriteShard(manifest, shard, path, &StopRequested());
      if (!status.has_value() && status.error().code == ErrorCode::kCancelled) {
        progress.Clear();
        return Fail(ErrorCode::kCancelled,
                    "stopped; run the same command again to go on with " + options.out);
      }
      MASR_RETURN_IF_ERROR(status);
    }
    done_bytes += ShardBytes(shard);
    progress.Update(
        static_cast<double>(done_bytes) / static_cast<double>(total_bytes),
        std::to_string(shard[0].shard + 1) + " of " + std::to_string(shards.size()) + " shards");
  }
  progress.Clear();
  MASR_TRY(const std::string text, ManifestText(manifest, items));
  const std::string path = options.out + "/manifest.jsonl";
  MASR_RETURN_IF_ERROR(ReplaceFile(path, text));
  if (options.common.json) {
    PrintJson({{"manifest", path},
               {"utterances", items.size()},
               {"shards", shards.size()},
               {"bytes", total_bytes},
               {"skipped", manifest.problems.size()}});
  } else {
    std::printf("%s: %zu utterances in %zu shards, %.1f MB (%zu lines skipped)\n", path.c_str(),
                items.size(), shards.size(), static_cast<double>(total_bytes) / 1e6,
                manifest.problems.size());
  }
  return {};
}

}  // namespace

Command AddDataShard(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("shard", "Put the audio of a manifest into tar shards");
  app->add_option("--manifest", options->manifest, "Manifest of any form")->required();
  app->add_option("--out", options->out, "Folder for the shards and their manifest.jsonl")
      ->required();
  app->add_option("--shard-size", options->shard_bytes, "Bytes per shard, e.g. 256MB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
