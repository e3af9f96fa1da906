// Sound files in memory through libsndfile's virtual IO. Internal to this folder.
#ifndef MOBILEASR_AUDIO_SOUND_MEMORY_H_
#define MOBILEASR_AUDIO_SOUND_MEMORY_H_

#include <sndfile.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace masr {

struct SndfileCloser {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, SndfileCloser>;

// Bytes in memory, as libsndfile sees them: `bytes` when reading, `written` when writing.
struct SoundMemory {
  std::span<const uint8_t> bytes;
  std::string written;
  sf_count_t position = 0;
};

// Null if libsndfile refuses. `memory` must outlive what is opened.
SoundFile OpenMemory(SoundMemory& memory, int mode, SF_INFO& info);

// A sample of [-1, 1] as 16 bit, clipped; no number becomes 0.
short To16Bit(float x);

// Of a file that is written; 6000 to 256000, the range libsndfile has for one channel.
void SetOpusBitrate(SNDFILE* file, double bits_per_second);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_SOUND_MEMORY_H_
