// The commands under `mobileasr data`: what happens to a corpus before anything is trained on it.
#ifndef MOBILEASR_APPS_CLI_DATA_COMMAND_H_
#define MOBILEASR_APPS_CLI_DATA_COMMAND_H_

#include "command.h"

namespace masr::cli {

Command AddDataAugment(CLI::App& parent);
Command AddDataShard(CLI::App& parent);
Command AddDataStats(CLI::App& parent);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_DATA_COMMAND_H_
