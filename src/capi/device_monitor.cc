#include "capi/owner_handle.h"
#include "resources/callback_monitor.h"
#include "resources/linux_monitor.h"

namespace masr::capi {

int32_t DeviceMonitor::Ask(void* self, ResourceReading* reading) {
  const masr_owner_options& options = static_cast<const DeviceMonitor*>(self)->owner_->options;
  masr_resources resources = {sizeof(masr_resources),         reading->available_bytes,
                              reading->battery_percent,       reading->power_w,
                              reading->battery_temperature_c, reading->temperature_c,
                              reading->temperature_limit_c,   reading->charging};
  const int32_t answer = options.resources(options.resource_data, &resources);
  *reading = {resources.available_bytes, resources.battery_percent,
              resources.power_w,         resources.battery_temperature_c,
              resources.temperature_c,   resources.temperature_limit_c,
              resources.charging};
  return answer;
}

DeviceMonitor::DeviceMonitor(const masr_owner& owner, const std::string& disk_folder)
    : owner_(&owner),
      system_(std::make_unique<LinuxMonitor>(LinuxMonitorOptions{.disk_folder = disk_folder})),
      monitor_(system_.get()) {
  if (owner.options.resources == nullptr) return;
  asked_ = std::make_unique<CallbackMonitor>(&DeviceMonitor::Ask, this, system_.get());
  monitor_ = asked_.get();
}

}  // namespace masr::capi
