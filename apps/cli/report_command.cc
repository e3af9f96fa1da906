#include "report/report.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "command.h"
#include "io/file.h"
#include "train/round_record.h"

namespace masr::cli {
namespace {

struct Options {
  std::string run;
  std::string out;
  std::string svg;
};

// Thousands of rounds.
constexpr size_t kMostHistoryBytes = size_t{256} << 20;

Status Run(const Options& options) {
  std::string history = options.run;
  if (std::filesystem::is_directory(history)) {
    history = (std::filesystem::path(history) / "history.json").string();
  }
  MASR_TRY(const std::string text, ReadTextFile(history, kMostHistoryBytes));
  MASR_TRY(const std::vector<RoundRecord> rounds, ReadHistory(text, history));
  MASR_RETURN_IF_ERROR(WriteReport(rounds, options.out));
  if (!options.svg.empty()) MASR_RETURN_IF_ERROR(WriteFigures(rounds, options.svg));
  std::printf("%s: %zu round%s\n", options.out.c_str(), rounds.size(),
              rounds.size() == 1 ? "" : "s");
  return {};
}

}  // namespace

Command AddReport(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("report", "Draw what rounds of learning a voice did");
  app->add_option("run", options->run, "Folder with a history.json, or such a file")->required();
  app->add_option("--out", options->out, "HTML file to write")->required();
  app->add_option("--svg", options->svg, "Folder to write the figures to, too, as SVG files");
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli
