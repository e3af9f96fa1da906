// The toy language with a network that has frozen blocks worth keeping: subsampling, two Conformer
// blocks with dropout, a head.
#ifndef MOBILEASR_TRAIN_TESTING_CONFORMER_SPEECH_H_
#define MOBILEASR_TRAIN_TESTING_CONFORMER_SPEECH_H_

#include <utility>

#include "train/testing/toy_speech.h"

namespace masr::testing {

inline Model MakeToyConformer() {
  auto model = MakeModel(
      R"({"name": "toy conformer", "features": {"sample_rate_hz": 8000, "mels": 12},
          "characters": ["a", "b", "c"],
          "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4},
                      {"layer": "conformer_block", "heads": 2, "feed_forward": 24,
                       "conv_kernel": 5, "dropout": 0.1, "repeat": 2}]})",
      1);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return std::move(*model);
}

// Its blocks 0 and 1 are the frozen ones of these tests.
constexpr size_t kToyFirstBlock = 2;

}  // namespace masr::testing

#endif  // MOBILEASR_TRAIN_TESTING_CONFORMER_SPEECH_H_
