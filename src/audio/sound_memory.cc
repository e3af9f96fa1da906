#include "audio/sound_memory.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace masr {
namespace {

sf_count_t MemoryLength(void* user) {
  const auto& file = *static_cast<SoundMemory*>(user);
  return static_cast<sf_count_t>(std::max(file.bytes.size(), file.written.size()));
}

sf_count_t MemorySeek(sf_count_t offset, int whence, void* user) {
  auto& file = *static_cast<SoundMemory*>(user);
  const sf_count_t size = MemoryLength(user);
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.position : size;
  // Damaged headers ask for offsets whose sum would overflow.
  if (offset < -base || offset > size - base) return -1;
  file.position = base + offset;
  return file.position;
}

sf_count_t MemoryRead(void* target, sf_count_t count, void* user) {
  auto& file = *static_cast<SoundMemory*>(user);
  const auto size = static_cast<sf_count_t>(file.bytes.size());
  const sf_count_t n = std::clamp<sf_count_t>(count, 0, size - file.position);
  if (n > 0) std::memcpy(target, file.bytes.data() + file.position, static_cast<size_t>(n));
  file.position += n;
  return n;
}

sf_count_t MemoryWrite(const void* source, sf_count_t count, void* user) {
  auto& file = *static_cast<SoundMemory*>(user);
  const auto end = static_cast<size_t>(file.position + count);
  if (end > file.written.size()) file.written.resize(end);
  std::memcpy(file.written.data() + file.position, source, static_cast<size_t>(count));
  file.position += count;
  return count;
}

sf_count_t MemoryTell(void* user) { return static_cast<SoundMemory*>(user)->position; }

}  // namespace

SoundFile OpenMemory(SoundMemory& memory, int mode, SF_INFO& info) {
  SF_VIRTUAL_IO io{.get_filelen = MemoryLength,
                   .seek = MemorySeek,
                   .read = MemoryRead,
                   .write = MemoryWrite,
                   .tell = MemoryTell};
  return SoundFile(sf_open_virtual(&io, mode, &info, &memory));
}

short To16Bit(float x) {
  if (std::isnan(x)) return 0;
  return static_cast<short>(std::lrint(std::clamp(x * 32768.0f, -32768.0f, 32767.0f)));
}

void SetOpusBitrate(SNDFILE* file, double bits_per_second) {
  // libsndfile names the bit rate by a level between 0 (256 kbit/s) and 1 (6 kbit/s).
  double level = std::clamp((256000 - bits_per_second) / 250000, 0.0, 1.0);
  sf_command(file, SFC_SET_COMPRESSION_LEVEL, &level, sizeof(level));
}

}  // namespace masr
