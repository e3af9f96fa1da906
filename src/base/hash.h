// FNV-1a (Fowler, Noll and Vo), 64 bits: tells one thing from another and notices accidents; no
// protection against forgery.
#ifndef MOBILEASR_BASE_HASH_H_
#define MOBILEASR_BASE_HASH_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace masr {

// 16 hexadecimal digits.
inline std::string HashText(uint64_t hash) {
  std::string text(16, '0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  return text;
}

class Fnv1a {
 public:
  void Add(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) AddUnit(byte);
  }
  // A text and its end: "ab", "c" is not "a", "bc".
  void Add(std::string_view text) {
    for (const char c : text) AddUnit(static_cast<uint8_t>(c));
    AddUnit(0xff);  // in no UTF-8 text
  }
  // The same multiplication over eight bytes at once: eight times as fast, as good at noticing.
  void AddUnit(uint64_t value) { value_ = (value_ ^ value) * 0x100000001b3ull; }

  uint64_t value() const { return value_; }
  std::string Text() const { return HashText(value_); }

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

}  // namespace masr

#endif  // MOBILEASR_BASE_HASH_H_
