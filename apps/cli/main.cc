// The command line: parses, calls the library, prints. Exit codes: 0 done, 1 failed, 2 wrong usage,
// 130 stopped by its owner.
#include <cstdio>
#include <exception>

#include "command.h"

namespace masr::cli {
namespace {

int Run(int argc, char** argv) {
  CLI::App app("MobileASR: a speech recogniser that learns its owner's voice on the owner's device",
               "mobileasr");
  app.require_subcommand(1);
  app.set_version_flag("--version", "mobileasr 0.1.0");
  const Command commands[] = {AddPretrain(app),   AddPersonalize(app),  AddPlan(app),
                              AddRollback(app),   AddReport(app),       AddSimulate(app),
                              AddTranscribe(app), AddEvaluate(app),     AddInfo(app),
                              AddAverage(app),    AddConvert(app),      AddExport(app),
                              AddData(app),       AddLanguageModel(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  InstallStopHandler();
  for (const Command& command : commands) {
    if (command.app->parsed()) return Report(command.run());
  }
  return 2;
}

}  // namespace
}  // namespace masr::cli

int main(int argc, char** argv) {
  try {
    return masr::cli::Run(argc, argv);
  } catch (const std::exception& error) {  // the library throws nothing: memory, or the parser
    std::fprintf(stderr, "mobileasr: %s\n", error.what());
    return 1;
  }
}
