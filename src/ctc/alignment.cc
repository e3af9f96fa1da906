#include "ctc/alignment.h"

#include <limits>

#include "base/check.h"
#include "ctc/ctc_loss.h"

namespace masr {

// The states are blank, target[0], blank, target[1], ..., blank, as in the loss.
std::vector<TokenFrames> AlignTokens(int64_t frames, int64_t tokens, int32_t blank,
                                     const float* scores, std::span<const int32_t> target) {
  MASR_DCHECK(frames >= CtcMinimumFrames(target));
  if (target.empty()) return {};
  const size_t states = 2 * target.size() + 1;
  const auto token_of = [&](size_t state) { return state % 2 == 0 ? blank : target[state / 2]; };
  constexpr float kImpossible = -std::numeric_limits<float>::infinity();
  std::vector<float> before(states, kImpossible);
  std::vector<float> now(states, kImpossible);
  // How many states the best path into a state came up by.
  std::vector<uint8_t> steps(static_cast<size_t>(frames) * states, 0);
  before[0] = scores[blank];
  before[1] = scores[target[0]];
  for (int64_t t = 1; t < frames; ++t) {
    const float* row = scores + t * tokens;
    uint8_t* step = steps.data() + static_cast<size_t>(t) * states;
    for (size_t s = 0; s < states; ++s) {
      float best = before[s];
      step[s] = 0;
      if (s >= 1 && before[s - 1] > best) {
        best = before[s - 1];
        step[s] = 1;
      }
      const bool may_skip = s >= 3 && s % 2 == 1 && token_of(s) != token_of(s - 2);
      if (may_skip && before[s - 2] > best) {
        best = before[s - 2];
        step[s] = 2;
      }
      now[s] = best + row[token_of(s)];
    }
    before.swap(now);
  }

  std::vector<TokenFrames> aligned(target.size());
  size_t state = before[states - 1] > before[states - 2] ? states - 1 : states - 2;
  for (int64_t t = frames - 1; t >= 0; --t) {
    if (state % 2 == 1) {
      TokenFrames& token = aligned[state / 2];
      if (token.end == 0) token.end = t + 1;
      token.begin = t;
    }
    state -= steps[static_cast<size_t>(t) * states + state];
  }
  return aligned;
}

}  // namespace masr
