#include "data_command.h"

namespace masr::cli {

Command AddData(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("data", "Prepare training data (docs/data.md)");
  const std::vector<Command> commands = {AddDataAugment(*app), AddDataShard(*app),
                                         AddDataStats(*app)};
  return OneOf(app, commands);
}

}  // namespace masr::cli
