// The profile of the device that this runs on: measured, or read where it was kept.
#ifndef MOBILEASR_ROUNDS_OWN_DEVICE_H_
#define MOBILEASR_ROUNDS_OWN_DEVICE_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "plan/device_profile.h"
#include "resources/resource_monitor.h"

namespace masr {

// In a second or two, with what the battery gives right after that. Takes some 36 MB with the
// shipped models, and gives them back to the system.
Result<DeviceProfile> MeasureOwnDevice(const Model& model, const ThreadPool& threads,
                                       ResourceMonitor& monitor);

// A profile, if it is of this model and of so many threads; an error names `where`.
Result<DeviceProfile> ReadProfileOf(const Model& model, int threads, std::string_view text,
                                    const std::string& where);
Result<DeviceProfile> LoadProfileOf(const Model& model, int threads, const std::string& path);
Status SaveProfile(const std::string& path, const DeviceProfile& profile);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_OWN_DEVICE_H_
