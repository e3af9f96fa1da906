// Reads a JSON object that a person wrote: checks types and bounds, gives defaults, and refuses
// keys that nobody asked for (a misspelt option must not be silently ignored). The first error is
// kept and returned by Finish(); until then every getter gives a usable value.
#ifndef MOBILEASR_IO_CONFIG_READER_H_
#define MOBILEASR_IO_CONFIG_READER_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

class ConfigReader {
 public:
  // `object` must outlive the reader. `where` names it in messages: "encoder layer 3 (linear)".
  ConfigReader(const nlohmann::json& object, std::string where);

  // Without a default the key is required.
  int64_t Int(std::string_view key, std::optional<int64_t> otherwise, int64_t low, int64_t high);
  double Number(std::string_view key, std::optional<double> otherwise, double low, double high);
  bool Bool(std::string_view key, bool otherwise);
  std::string Text(std::string_view key, const std::optional<std::string>& otherwise);
  // One of `choices`; gives its index.
  size_t Choice(std::string_view key, const std::optional<std::string>& otherwise,
                const std::vector<std::string>& choices);
  std::vector<std::string> TextList(std::string_view key);
  // Empty if absent.
  std::vector<double> NumberList(std::string_view key);
  // A nested value, or null if absent.
  const nlohmann::json* Child(std::string_view key);

  const std::string& where() const { return where_; }
  // Records an error of the caller's own.
  void Refuse(std::string message);
  Status Finish();
  // The same for another program's file, which may say more than anybody here asks for.
  Status FinishIgnoringOthers();

 private:
  const nlohmann::json* Find(std::string_view key, bool required);

  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
  std::optional<Error> error_;
};

// ParseJson (io/json.h) with `where` in front of its error.
Result<nlohmann::json> ParseConfig(std::string_view text, const std::string& where);

}  // namespace masr

#endif  // MOBILEASR_IO_CONFIG_READER_H_
