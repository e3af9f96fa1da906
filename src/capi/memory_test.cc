// Memory that runs out in the middle of a call: nothing thrown reaches the caller.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "capi/testing/capi_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MASR_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MASR_SANITIZED 1
#endif
#endif

namespace masr {
namespace {

#ifndef MASR_SANITIZED  // they hold address space of their own

// Address space that this process has, and `more` bytes: no more from now on.
void LimitMemory(rlim_t more) {
  rlim_t pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%lu", &pages) != 1) std::_Exit(10);
  std::fclose(file);
  const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + more;
  const rlimit limit = {bytes, bytes};
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(11);
}

[[noreturn]] void RunOut() {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "model.masr";
  if (!SaveModel(testing::MakeToyConformer(), WeightFormat::kF32, path).has_value()) std::_Exit(1);
  masr_model* model = nullptr;
  const masr_model_options options = {.struct_size = sizeof(options), .threads = 1};
  if (masr_model_create(&options, &model) != MASR_OK) std::_Exit(2);
  if (masr_load(model, path.c_str()) != MASR_OK) std::_Exit(3);
  constexpr int64_t kFrames = 300000;
  const int64_t lengths[] = {kFrames, kFrames, kFrames, kFrames};
  const std::vector<float> features(4 * kFrames * 12, 0.5f);
  masr_speech speech = {.struct_size = sizeof(speech), .count = 4};
  speech.features = features.data();
  speech.lengths = lengths;
  std::vector<int64_t> rows(4);
  masr_inference inference = {.struct_size = sizeof(inference), .rows = rows.data()};
  LimitMemory(8 << 20);
  if (masr_infer(model, &speech, &inference) != MASR_NO_SPACE) std::_Exit(4);
  if (std::strstr(masr_model_error(model), "out of memory") == nullptr) std::_Exit(5);
  masr_model_info info = {.struct_size = sizeof(info)};
  if (masr_describe(model, &info) != MASR_NO_SPACE) std::_Exit(6);
  masr_model_destroy(model);
  std::_Exit(0);
}

TEST(CapiMemoryDeathTest, RunningOutEndsAtTheBorder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(RunOut(), ::testing::ExitedWithCode(0), "");
}

#endif

}  // namespace
}  // namespace masr
