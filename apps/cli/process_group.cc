#include "process_group.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace masr::cli {
namespace {

constexpr const char* kModule = "mobileasr_mpi.so";

// Beside the command where it was built, in the folder of libraries where it was installed.
void* LoadModule() {
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& place : {folder, folder.parent_path() / MASR_MODULE_FOLDER}) {
    const std::filesystem::path path = place / kModule;
    // MPI has modules of its own, which look for its symbols among everybody's.
    if (void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL); module != nullptr)
      return module;
    // What is there and cannot be used says why.
    if (std::filesystem::exists(path, error)) return nullptr;
  }
  return nullptr;
}

}  // namespace

int ProcessesByLauncher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* text = std::getenv(name);
    if (text != nullptr) return std::atoi(text);
  }
  // PMIx tells the rank only: there may be more.
  return std::getenv("PMIX_RANK") != nullptr ? 2 : 0;
}

JoinedGroup JoinProcessGroup(const std::atomic<bool>& stop) {
  JoinedGroup joined;
  if (ProcessesByLauncher() < 2) return joined;
  void* module = LoadModule();
  void* join = module == nullptr ? nullptr : dlsym(module, "masr_join_mpi");
  if (join == nullptr) {
    // Each would train alone and write over the others' files.
    const char* why = dlerror();
    return Fail(ErrorCode::kUnsupported,
                std::string("started as one of several processes, but MPI cannot be used (") +
                    (why == nullptr ? "no module" : why) +
                    "); install libopenmpi-dev and build with -DMASR_MPI=ON");
  }
  reinterpret_cast<decltype(&masr_join_mpi)>(join)(stop, joined);
  return joined;
}

}  // namespace masr::cli
