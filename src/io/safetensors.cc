#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "io/json.h"

namespace masr {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kDataAlignment = 64;
constexpr std::string_view kMetadata = "__metadata__";

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t bytes;
};
constexpr std::array<DTypeInfo, 10> kDTypes = {{
    {DType::kF64, "F64", 8},
    {DType::kF32, "F32", 4},
    {DType::kF16, "F16", 2},
    {DType::kBf16, "BF16", 2},
    {DType::kI64, "I64", 8},
    {DType::kI32, "I32", 4},
    {DType::kI16, "I16", 2},
    {DType::kI8, "I8", 1},
    {DType::kU8, "U8", 1},
    {DType::kBool, "BOOL", 1},
}};

const DTypeInfo& Info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DTypeInfo& info : kDTypes) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

tl::unexpected<Error> Corrupt(const std::string& message) {
  return Fail(ErrorCode::kCorrupt, message);
}

std::string Quoted(std::string_view name) { return "tensor \"" + std::string(name) + "\""; }

// Bytes of a tensor, or nothing if they do not fit in int64.
std::optional<uint64_t> BytesOf(DType dtype, std::span<const int64_t> shape) {
  if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; })) {
    return std::nullopt;
  }
  // A zero anywhere makes an empty tensor, however large the other dimensions.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  uint64_t bytes = DTypeBytes(dtype);
  for (int64_t dimension : shape) {
    if (bytes > static_cast<uint64_t>(INT64_MAX) / static_cast<uint64_t>(dimension)) {
      return std::nullopt;
    }
    bytes *= static_cast<uint64_t>(dimension);
  }
  return bytes;
}

Result<uint64_t> ReadUnsigned(const json& value, const std::string& what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return Corrupt(what + " is not a whole number from 0 to 2^63 - 1");
  }
  return value.get<uint64_t>();
}

// The value of `name` in `object`, or null.
const json* Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

Result<TensorEntry> ReadEntry(const std::string& name, const json& value,
                              std::span<const uint8_t> data) {
  const std::string where = Quoted(name);
  if (!value.is_object()) return Corrupt(where + " is not described by an object");

  TensorEntry entry;
  entry.name = name;
  const json* dtype = Member(value, "dtype");
  if (dtype == nullptr || !dtype->is_string()) return Corrupt(where + ": no \"dtype\" string");
  const std::string& dtype_name = dtype->get_ref<const std::string&>();
  const std::optional<DType> known = DTypeFromName(dtype_name);
  if (!known) {
    return Fail(ErrorCode::kUnsupported,
                where + ": data type \"" + dtype_name + "\" is not known; convert it to F32");
  }
  entry.dtype = *known;

  const json* shape = Member(value, "shape");
  if (shape == nullptr || !shape->is_array()) return Corrupt(where + ": no \"shape\" array");
  for (const json& dimension : *shape) {
    MASR_TRY(const uint64_t size, ReadUnsigned(dimension, where + ": a dimension"));
    entry.shape.push_back(static_cast<int64_t>(size));
  }

  const json* offsets = Member(value, "data_offsets");
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2) {
    return Corrupt(where + ": no \"data_offsets\" pair");
  }
  MASR_TRY(const uint64_t begin, ReadUnsigned((*offsets)[0], where + ": the first data offset"));
  MASR_TRY(const uint64_t end, ReadUnsigned((*offsets)[1], where + ": the second data offset"));
  if (begin > end || end > data.size()) {
    return Corrupt(where + ": data offsets " + std::to_string(begin) + " to " +
                   std::to_string(end) + " are not within the file's " +
                   std::to_string(data.size()) + " bytes of data; is the file cut short?");
  }
  const std::optional<uint64_t> bytes = BytesOf(entry.dtype, entry.shape);
  if (!bytes || *bytes != end - begin) {
    return Corrupt(where + ": its shape and data type do not make the " +
                   std::to_string(end - begin) + " bytes that its data offsets span");
  }
  entry.bytes = data.subspan(begin, end - begin);
  return entry;
}

Status ReadMetadata(const json& value, std::map<std::string, std::string>& metadata) {
  if (!value.is_object()) return Corrupt("\"__metadata__\" is not an object");
  for (const auto& item : value.items()) {
    if (!item.value().is_string()) {
      return Corrupt("metadata \"" + item.key() + "\" is not a string");
    }
    metadata[item.key()] = item.value().get_ref<const std::string&>();
  }
  return {};
}

// The tensors, sorted by place, must follow each other from the first byte of data to the last.
Status CheckCovers(const std::vector<TensorEntry>& tensors, std::span<const uint8_t> data) {
  const uint8_t* expected = data.data();
  for (const TensorEntry& entry : tensors) {
    if (entry.bytes.data() != expected) {
      return Corrupt(Quoted(entry.name) + (entry.bytes.data() < expected
                                               ? " overlaps the tensor before it"
                                               : " leaves a gap before it"));
    }
    expected += entry.bytes.size();
  }
  const auto left = data.size() - static_cast<size_t>(expected - data.data());
  if (left != 0) return Corrupt(std::to_string(left) + " bytes at the end belong to no tensor");
  return {};
}

Status CheckForWriting(const std::vector<TensorEntry>& tensors) {
  std::set<std::string_view> names;
  for (const TensorEntry& entry : tensors) {
    const std::string where = Quoted(entry.name);
    if (entry.name == kMetadata || !names.insert(entry.name).second) {
      return Fail(ErrorCode::kInvalidArgument, where + ": the name is taken");
    }
    if (!BytesOf(entry.dtype, entry.shape)) {
      return Fail(ErrorCode::kInvalidArgument, where + ": its shape makes no number of bytes");
    }
  }
  return {};
}

Result<std::string> MakeHeader(const std::vector<const TensorEntry*>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  uint64_t offset = 0;
  for (const TensorEntry* entry : tensors) {
    const uint64_t end = offset + BytesOf(entry->dtype, entry->shape).value_or(0);
    header[entry->name] = {{"dtype", DTypeName(entry->dtype)},
                           {"shape", entry->shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  MASR_TRY(std::string text, WriteJson(header));
  const size_t unpadded = kLengthBytes + text.size();
  text.append((kDataAlignment - unpadded % kDataAlignment) % kDataAlignment, ' ');
  if (text.size() > kMaxHeaderBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "the header would be longer than 100 MB; shorten the "
                "metadata");
  }
  return text;
}

}  // namespace

size_t DTypeBytes(DType dtype) { return Info(dtype).bytes; }
std::string_view DTypeName(DType dtype) { return Info(dtype).name; }

int64_t TensorEntry::elements() const {
  return static_cast<int64_t>(bytes.size() / DTypeBytes(dtype));
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  MASR_TRY(MappedFile mapped, MappedFile::Open(path));
  Result<SafetensorsFile> file = Parse(mapped.bytes());
  if (!file.has_value()) return Fail(path, std::move(file.error()));
  file->file_ = std::move(mapped);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::Parse(std::span<const uint8_t> bytes) {
  if (bytes.size() < kLengthBytes) {
    return Corrupt("too short for a safetensors file; is it complete?");
  }
  uint64_t header_bytes = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) header_bytes |= uint64_t{bytes[i]} << (8 * i);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return Corrupt("not a safetensors file, or cut short: its header would be " +
                   std::to_string(header_bytes) + " bytes long");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              header_bytes);
  if (!text.starts_with('{')) return Corrupt("not a safetensors file: the header is not JSON");
  const std::span<const uint8_t> data = bytes.subspan(kLengthBytes + header_bytes);

  auto header = ParseJson(text, /*max_depth=*/3);
  if (!header.has_value()) return Fail("safetensors header", std::move(header.error()));

  SafetensorsFile file;
  for (const auto& item : header->items()) {
    if (item.key() == kMetadata) {
      MASR_RETURN_IF_ERROR(ReadMetadata(item.value(), file.metadata_));
    } else {
      MASR_TRY(TensorEntry entry, ReadEntry(item.key(), item.value(), data));
      file.tensors_.push_back(std::move(entry));
    }
  }
  const auto place = [](const TensorEntry& entry) {
    return std::pair(entry.bytes.data(), entry.bytes.size());
  };
  std::stable_sort(file.tensors_.begin(), file.tensors_.end(),
                   [&](const TensorEntry& a, const TensorEntry& b) { return place(a) < place(b); });
  MASR_RETURN_IF_ERROR(CheckCovers(file.tensors_, data));

  for (size_t i = 0; i < file.tensors_.size(); ++i) {
    TensorEntry& entry = file.tensors_[i];
    file.index_[entry.name] = static_cast<int64_t>(i);
    if (reinterpret_cast<uintptr_t>(entry.bytes.data()) % DTypeBytes(entry.dtype) != 0) {
      file.realigned_.emplace_back(entry.bytes.begin(), entry.bytes.end());
      entry.bytes = file.realigned_.back();
    }
  }
  return file;
}

const TensorEntry* SafetensorsFile::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[static_cast<size_t>(found->second)];
}

Status WriteSafetensors(const std::string& path, const std::vector<TensorEntry>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  return WriteSafetensors(path, tensors, metadata, [&](size_t i) { return tensors[i].bytes; });
}

Status WriteSafetensors(const std::string& path, const std::vector<TensorEntry>& tensors,
                        const std::map<std::string, std::string>& metadata,
                        const TensorBytes& bytes) {
  const auto fail = [&](Error error) { return Fail(path, std::move(error)); };
  Status valid = CheckForWriting(tensors);
  if (!valid.has_value()) return fail(std::move(valid.error()));

  std::vector<const TensorEntry*> sorted;
  sorted.reserve(tensors.size());
  for (const TensorEntry& entry : tensors) sorted.push_back(&entry);
  std::stable_sort(sorted.begin(), sorted.end(), [](const TensorEntry* a, const TensorEntry* b) {
    return DTypeBytes(a->dtype) > DTypeBytes(b->dtype);
  });
  const Result<std::string> header = MakeHeader(sorted, metadata);
  if (!header.has_value()) return fail(header.error());

  return ReplaceFile(path, [&](FileSink& sink) -> Status {
    std::array<uint8_t, kLengthBytes> length;
    for (size_t i = 0; i < kLengthBytes; ++i) {
      length[i] = static_cast<uint8_t>(uint64_t{header->size()} >> (8 * i));
    }
    MASR_RETURN_IF_ERROR(sink.Write(length));
    MASR_RETURN_IF_ERROR(
        sink.Write({reinterpret_cast<const uint8_t*>(header->data()), header->size()}));
    for (const TensorEntry* entry : sorted) {
      const std::span<const uint8_t> data = bytes(static_cast<size_t>(entry - tensors.data()));
      if (data.size() != BytesOf(entry->dtype, entry->shape)) {
        return fail({ErrorCode::kInvalidArgument, Quoted(entry->name) +
                                                      ": its shape does not make " +
                                                      std::to_string(data.size()) + " bytes"});
      }
      MASR_RETURN_IF_ERROR(sink.Write(data));
    }
    return {};
  });
}

}  // namespace masr
