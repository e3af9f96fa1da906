// The safetensors container (huggingface.co/docs/safetensors): 8 bytes of header length, a JSON
// header, the tensors' bytes. Untrusted input: every length and offset is checked against the file
// before use.
#ifndef MOBILEASR_IO_SAFETENSORS_H_
#define MOBILEASR_IO_SAFETENSORS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace masr {

enum class DType : uint8_t { kF64, kF32, kF16, kBf16, kI64, kI32, kI16, kI8, kU8, kBool };

// Bytes per element, and the name in the header ("F32").
size_t DTypeBytes(DType dtype);
std::string_view DTypeName(DType dtype);

struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;  // into the mapping, or the caller's memory when writing

  int64_t elements() const;
};

// An open file; entries point into its mapping and live as long as it does. Tensors come in the
// order of their data, and their bytes are aligned for their data type: those that a file misaligns
// are copied. Move-only.
class SafetensorsFile {
 public:
  static Result<SafetensorsFile> Open(const std::string& path);
  // The same from bytes that the caller keeps alive (tests, fuzzing).
  static Result<SafetensorsFile> Parse(std::span<const uint8_t> bytes);

  // Null if there is none of that name.
  const TensorEntry* Find(std::string_view name) const;
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // As MappedFile's, for one of tensors(): a large file can be gone through in little memory.
  void Release(const TensorEntry& tensor) const { file_.Release(tensor.bytes); }

 private:
  MappedFile file_;
  std::vector<TensorEntry> tensors_;
  std::map<std::string, int64_t, std::less<>> index_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::vector<uint8_t>> realigned_;
};

// Writes atomically and durably (ReplaceFile). Tensor data is aligned to 64 bytes by padding the
// header with spaces, tensors largest alignment first as the format asks (no gaps).
Status WriteSafetensors(const std::string& path, const std::vector<TensorEntry>& tensors,
                        const std::map<std::string, std::string>& metadata);

// The same without all of them in memory at once: entries have no bytes, and `bytes(i)`, called
// once for each in the order of the file, gives those of tensors[i]. They are valid until the next
// call.
using TensorBytes = std::function<std::span<const uint8_t>(size_t tensor)>;
Status WriteSafetensors(const std::string& path, const std::vector<TensorEntry>& tensors,
                        const std::map<std::string, std::string>& metadata,
                        const TensorBytes& bytes);

}  // namespace masr

#endif  // MOBILEASR_IO_SAFETENSORS_H_
