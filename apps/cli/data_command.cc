#include "data_command.h"

namespace masr::cli {

Command AddData(CLI::App& parent) {
  CLI::App* app = parent.add_subcommand("data", "Prepare training data (docs/data.md)");
  app->require_subcommand(1);
  const std::vector<Command> commands = {AddDataAugment(*app), AddDataShard(*app),
                                         AddDataStats(*app)};
  return {app, [commands]() -> Status {
            for (const Command& command : commands) {
              if (command.app->parsed()) return command.run();
            }
            return {};
          }};
}

}  // namespace masr::cli
