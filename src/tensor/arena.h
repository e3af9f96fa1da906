// One block of memory for all buffers of a plan. Move-only; 64-byte aligned.
#ifndef MOBILEASR_TENSOR_ARENA_H_
#define MOBILEASR_TENSOR_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "base/huge_pages.h"
#include "base/result.h"

namespace masr {

class Arena {
 public:
  static constexpr size_t kAlignment = 64;

  Arena() = default;
  // Fails with kNoSpace if the system has no such block.
  static Result<Arena> Create(size_t bytes) {
    Arena arena;
    if (bytes == 0) return arena;
    void* block = ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
    if (block == nullptr) {
      return Fail(ErrorCode::kNoSpace, "cannot allocate an arena of " + std::to_string(bytes) +
                                           " bytes; use smaller batches or train fewer blocks");
    }
    AdviseHugePages(block, bytes);
    arena.block_.reset(static_cast<std::byte*>(block));
    arena.bytes_ = bytes;
    return arena;
  }

  // Makes room for `bytes`; what is there is lost if there was not enough. It is given back before
  // more is taken: the peak is one arena, not two.
  Status Reserve(size_t bytes) {
    if (bytes <= bytes_) return {};
    *this = Arena();
    auto larger = Create(bytes);
    if (!larger.has_value()) return tl::unexpected(std::move(larger.error()));
    *this = std::move(*larger);
    return {};
  }

  std::byte* data() const { return block_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Deleter {
    void operator()(std::byte* block) const {
      ::operator delete(block, std::align_val_t(kAlignment));
    }
  };
  std::unique_ptr<std::byte, Deleter> block_;
  size_t bytes_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_TENSOR_ARENA_H_
