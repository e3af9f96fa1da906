// Random numbers that a checkpoint can hold and that do not depend on threads.
//
// Rng is xoshiro256++ (Blackman and Vigna, 2019) seeded through SplitMix64. HashUniform is a
// stateless generator: number `index` of stream `key`, so that noise can be made again, in any
// order and by any thread, instead of being stored.
#ifndef MOBILEASR_BASE_RNG_H_
#define MOBILEASR_BASE_RNG_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace masr {

constexpr uint64_t SplitMix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// One key out of several parts, e.g. (seed, epoch, utterance).
constexpr uint64_t MixKeys(uint64_t a, uint64_t b, uint64_t c = 0) {
  return SplitMix64(SplitMix64(SplitMix64(a) ^ b) ^ c);
}

// In [0, 1).
constexpr float HashUniform(uint64_t key, uint64_t index) {
  return static_cast<float>(SplitMix64(key ^ (index * 0xd1342543de82ef95ull)) >> 40) * 0x1p-24f;
}

class Rng {
 public:
  explicit Rng(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed = SplitMix64(seed);
      word = seed;
    }
  }

  uint64_t Next() {
    const uint64_t result = Rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  // In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }

  // In [0, n) for 0 < n < 2^32, by multiplication (Lemire, 2019); the bias is below n / 2^32.
  uint64_t Below(uint64_t n) { return ((Next() >> 32) * n) >> 32; }

  // Standard normal, by Box and Muller (1958); one of the pair is thrown away to stay stateless.
  double Normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * Uniform());
  }

  const std::array<uint64_t, 4>& state() const { return state_; }
  void set_state(const std::array<uint64_t, 4>& state) { state_ = state; }

 private:
  static constexpr uint64_t Rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::array<uint64_t, 4> state_;
};

// Fisher and Yates. `values` is any container with size() and operator[].
template <class Container>
void Shuffle(Container& values, Rng& rng) {
  for (size_t i = values.size(); i > 1; --i) {
    const size_t j = rng.Below(i);
    using std::swap;
    swap(values[i - 1], values[j]);
  }
}

}  // namespace masr

#endif  // MOBILEASR_BASE_RNG_H_
