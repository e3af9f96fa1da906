// A folder for the files of one test.
#ifndef MOBILEASR_IO_TESTING_FILE_FIXTURE_H_
#define MOBILEASR_IO_TESTING_FILE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "io/testing/temporary_folder.h"

namespace masr::testing {

class FileFixture : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ / name; }
  size_t FilesInFolder() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_.path()),
                                             std::filesystem::directory_iterator()));
  }

  TemporaryFolder folder_;
};

inline std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace masr::testing

#endif  // MOBILEASR_IO_TESTING_FILE_FIXTURE_H_
