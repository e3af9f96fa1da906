#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "data_command.h"
#include "text/normalizer.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> manifests;
  std::vector<std::string> against;
};

struct Share {
  int64_t utterances = 0;
  double seconds = 0;
};
using Shares = std::map<std::string, Share>;

// Upper ends in seconds of the histogram's bins; the last one has none.
constexpr auto kBins = std::to_array<double>({1, 2, 3, 5, 8, 12, 16, 20, 30});

struct Stats {
  std::vector<double> durations_s;
  double seconds = 0;
  Shares manifests, speakers, accents, sources;
  std::map<std::string, int64_t> words;
  std::map<std::string, int64_t> characters;
  std::set<std::string> texts;
  int64_t word_count = 0;
  std::vector<ManifestProblem> problems;
};

void Count(Shares& shares, const std::string& name, double seconds) {
  Share& share = shares[name.empty() ? "(not said)" : name];
  ++share.utterances;
  share.seconds += seconds;
}

void CountText(const std::string& text, Stats& stats) {
  stats.texts.insert(text);
  for (const std::string& c : SplitCodePoints(text)) ++stats.characters[c];
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) {
      ++stats.words[text.substr(begin, end - begin)];
      ++stats.word_count;
    }
    begin = end + 1;
  }
}

Status Read(const std::string& path, Stats& stats) {
  MASR_TRY(const Manifest manifest, ReadManifest(path));
  stats.problems.insert(stats.problems.end(), manifest.problems.begin(), manifest.problems.end());
  for (const Utterance& utterance : manifest.utterances) {
    const auto seconds = UtteranceSeconds(utterance);
    if (!seconds.has_value()) {
      stats.problems.push_back({utterance.where, seconds.error().message});
      continue;
    }
    stats.durations_s.push_back(*seconds);
    stats.seconds += *seconds;
    Count(stats.manifests, path, *seconds);
    Count(stats.speakers, utterance.speaker, *seconds);
    Count(stats.accents, utterance.accent, *seconds);
    Count(stats.sources, utterance.source, *seconds);
    CountText(utterance.text, stats);
  }
  return {};
}

std::vector<int64_t> Histogram(const std::vector<double>& durations_s) {
  std::vector<int64_t> counts(kBins.size() + 1);
  for (const double seconds : durations_s) {
    ++counts[static_cast<size_t>(std::upper_bound(kBins.begin(), kBins.end(), seconds) -
                                 kBins.begin())];
  }
  return counts;
}

std::string BinName(size_t bin) {
  char text[48];
  if (bin == kBins.size()) {
    std::snprintf(text, sizeof(text), "%g s and more", kBins[bin - 1]);
  } else {
    std::snprintf(text, sizeof(text), "%g to %g s", bin == 0 ? 0.0 : kBins[bin - 1], kBins[bin]);
  }
  return text;
}

// How much of another manifest's words occur here.
struct Coverage {
  int64_t words = 0;
  int64_t known_words = 0;
  int64_t distinct = 0;
  int64_t known_distinct = 0;
  int64_t known_texts = 0;
  int64_t texts = 0;
};

Result<Coverage> Cover(const Stats& stats, const std::string& path) {
  MASR_TRY(const Manifest manifest, ReadManifest(path));
  Stats other;
  for (const Utterance& utterance : manifest.utterances) CountText(utterance.text, other);
  Coverage coverage{.words = other.word_count, .texts = static_cast<int64_t>(other.texts.size())};
  coverage.distinct = static_cast<int64_t>(other.words.size());
  for (const auto& [word, count] : other.words) {
    if (!stats.words.contains(word)) continue;
    coverage.known_words += count;
    ++coverage.known_distinct;
  }
  for (const std::string& text : other.texts) coverage.known_texts += stats.texts.contains(text);
  return coverage;
}

double Percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

Json SharesJson(const Shares& shares) {
  Json json = Json::object();
  for (const auto& [name, share] : shares) {
    json[name] = {{"utterances", share.utterances}, {"seconds", share.seconds}};
  }
  return json;
}

Json ToJson(const Stats& stats, const std::vector<std::pair<std::string, Coverage>>& coverages) {
  const auto once = std::count_if(stats.words.begin(), stats.words.end(),
                                  [](const auto& word) { return word.second == 1; });
  Json histogram = Json::array();
  const auto counts = Histogram(stats.durations_s);
  for (size_t bin = 0; bin < counts.size(); ++bin) {
    histogram.push_back({{"from_s", bin == 0 ? 0.0 : kBins[bin - 1]}, {"utterances", counts[bin]}});
  }
  Json json = {{"utterances", stats.durations_s.size()},
               {"hours", stats.seconds / 3600},
               {"skipped", stats.problems.size()},
               {"distinct_texts", stats.texts.size()},
               {"words", stats.word_count},
               {"distinct_words", stats.words.size()},
               {"words_seen_once", once},
               {"characters", stats.characters},
               {"durations", histogram},
               {"by_manifest", SharesJson(stats.manifests)},
               {"by_speaker", SharesJson(stats.speakers)},
               {"by_accent", SharesJson(stats.accents)},
               {"by_source", SharesJson(stats.sources)}};
  for (const auto& [path, c] : coverages) {
    json["coverage"][path] = {{"words_percent", Percent(c.known_words, c.words)},
                              {"distinct_words_percent", Percent(c.known_distinct, c.distinct)},
                              {"texts_in_common", c.known_texts},
                              {"texts", c.texts}};
  }
  return json;
}

// The largest first, and a line for the rest.
void PrintShares(const char* title, const Shares& shares, double all_seconds) {
  constexpr size_t kShown = 12;
  std::vector<std::pair<std::string, Share>> sorted(shares.begin(), shares.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.seconds > b.second.seconds;
  });
  std::printf("\n%s (%zu)\n", title, sorted.size());
  for (size_t i = 0; i < sorted.size() && i < kShown; ++i) {
    const auto& [name, share] = sorted[i];
    std::printf("  %-40s %8lld utterances %8.2f h %5.1f %%\n", name.c_str(),
                static_cast<long long>(share.utterances), share.seconds / 3600,
                all_seconds > 0 ? 100 * share.seconds / all_seconds : 0.0);
  }
  if (sorted.size() > kShown) std::printf("  and %zu more\n", sorted.size() - kShown);
}

void Print(const Stats& stats, const std::vector<std::pair<std::string, Coverage>>& coverages) {
  std::printf(
      "%zu utterances, %.2f h, %lld words (%zu distinct) in %zu distinct texts; %zu skipped\n",
      stats.durations_s.size(), stats.seconds / 3600, static_cast<long long>(stats.word_count),
      stats.words.size(), stats.texts.size(), stats.problems.size());
  std::printf("\nduration\n");
  const auto counts = Histogram(stats.durations_s);
  const int64_t most = std::max<int64_t>(1, *std::max_element(counts.begin(), counts.end()));
  for (size_t bin = 0; bin < counts.size(); ++bin) {
    const auto width = static_cast<size_t>(40 * counts[bin] / most);
    std::string bar;
    for (size_t i = 0; i < width; ++i) bar += "█";
    std::printf("  %-14s %8lld %s\n", BinName(bin).c_str(), static_cast<long long>(counts[bin]),
                bar.c_str());
  }
  if (stats.manifests.size() > 1) PrintShares("by manifest", stats.manifests, stats.seconds);
  PrintShares("by speaker", stats.speakers, stats.seconds);
  PrintShares("by accent", stats.accents, stats.seconds);
  PrintShares("by source", stats.sources, stats.seconds);
  std::printf("\ncharacters:");
  for (const auto& [character, count] : stats.characters) {
    std::printf(" %s%lld", character == " " ? "space:" : (character + ":").c_str(),
                static_cast<long long>(count));
  }
  std::printf("\n");
  for (const auto& [path, c] : coverages) {
    std::printf(
        "\nof %s: %.1f %% of the words, %.1f %% of the distinct words, %lld of %lld texts\n",
        path.c_str(), Percent(c.known_words, c.words), Percent(c.known_distinct, c.distinct),
        static_cast<long long>(c.known_texts), static_cast<long long>(c.texts));
  }
}

Status Run(const Options& options) {
  Stats stats;
  for (const std::string& path : options.manifests) {
    if (StopRequested()) return Fail(ErrorCode::kCancelled, "stopped");
    MASR_RETURN_IF_ERROR(Read(path, stats));
  }
  PrintProblems(stats.problems);
  std::vector<std::pair<std::string, Coverage>> coverages;
  for (const std::string& path : options.against) {
    MASR_TRY(const Coverage coverage, Cover(stats, path));
    coverages.emplace_back(path, coverage);
  }
  if (options.common.json) {
    PrintJson(ToJson(stats, coverages));
  } else {
    Print(stats, coverages);
  }
  return {};
}

}  // namespace

Command AddDataStats(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("stats", "What manifests hold");
  app->add_option("--manifest", options->manifests, "Manifest of any form; repeatable")->required();
  app->add_option("--against", options->against,
                  "Manifest whose words and texts are looked for in the others; repeatable");
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
