// The parts of LinuxMonitor, each of which fills its own fields of a snapshot and leaves those that
// the device does not tell. `root` stands before every path. Internal to this folder.
#ifndef MOBILEASR_RESOURCES_LINUX_PARTS_H_
#define MOBILEASR_RESOURCES_LINUX_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "resources/resource_monitor.h"

namespace masr {

// Folders of the control group (v2) of this process and of all groups around it, from the inside
// out; the last is where they are mounted.
std::vector<std::string> CgroupFolders(const std::string& root);

void ReadMemory(const std::string& root, const std::vector<std::string>& cgroups,
                ResourceSnapshot& snapshot);

void ReadPower(const std::string& root, ResourceSnapshot& snapshot);

void ReadHeat(const std::string& root, ResourceSnapshot& snapshot);

// Cores, load and throttle_share.
void ReadProcessor(const std::string& root, const std::vector<std::string>& cgroups,
                   ResourceSnapshot& snapshot);

// Processor time that this process has used in all its threads.
std::optional<double> ReadProcessSeconds(const std::string& root);

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_LINUX_PARTS_H_
