// The wave itself as the features of a model that learned its own filters (wav2vec 2.0).
#ifndef MOBILEASR_AUDIO_WAVEFORM_H_
#define MOBILEASR_AUDIO_WAVEFORM_H_

#include <span>

namespace masr {

// In place to mean 0 and variance 1: (x - mean) / sqrt(variance + 1e-7), biased variance over all
// samples, as the published wav2vec 2.0 and HuBERT models were trained with (Baevski et al., 2020,
// section 4.1, and the constant of their released front end). The constant keeps near silence
// near silent.
void NormalizeWaveform(std::span<float> samples);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_WAVEFORM_H_
