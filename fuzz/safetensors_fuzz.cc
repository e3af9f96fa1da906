// Any bytes as a safetensors file: reading may refuse them; what it accepts lies within the bytes,
// is aligned, and has the size that its shape says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  masr::Result<masr::SafetensorsFile> parsed =
      masr::SafetensorsFile::Parse(std::span<const uint8_t>(data, size));
  if (!parsed) {
    if (parsed.error().message.empty()) std::abort();
    return 0;
  }
  const masr::SafetensorsFile file = std::move(*parsed);
  size_t total = 0;
  volatile uint8_t sink = 0;
  for (const masr::TensorEntry& entry : file.tensors()) {
    const size_t element = masr::DTypeBytes(entry.dtype);
    uint64_t elements = 1;
    for (int64_t dimension : entry.shape) elements *= static_cast<uint64_t>(dimension);
    if (elements * element != entry.bytes.size()) std::abort();
    if (reinterpret_cast<uintptr_t>(entry.bytes.data()) % element != 0) std::abort();
    if (file.Find(entry.name) != &entry) std::abort();
    for (uint8_t byte : entry.bytes) sink = byte;
    total += entry.bytes.size();
  }
  static_cast<void>(sink);
  if (total > size) std::abort();
  return 0;
}
