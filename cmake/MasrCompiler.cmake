# One place for what every target of ours is compiled with.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# -O2: the kernels vectorise by hand; -O3 only makes the rest larger.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# One set of objects for the static library, the shared one, and whoever builds either into a module of their own; what
# a shared library shows to others is marked in include/mobileasr/mobileasr.h.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

find_program(MASR_CCACHE ccache)
if(MASR_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MASR_CCACHE})
endif()

add_library(masr_compile_options INTERFACE)
target_include_directories(masr_compile_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(masr_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Werror -Wno-missing-field-initializers -fno-math-errno
  # So that a program with the module in it is left with what it uses.
  -ffunction-sections -fdata-sections
  # The same sums on every build: a product and a sum fuse only where a kernel says so.
  -ffp-contract=off)
if(MASR_SCALAR)
  target_compile_definitions(masr_compile_options INTERFACE HWY_COMPILE_ONLY_SCALAR)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  # Kernels keep arrays of vectors, which SVE's, of unknown size, cannot be in. Every core with SVE has NEON.
  target_compile_definitions(masr_compile_options INTERFACE
    "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
endif()
if(EMSCRIPTEN)
  # Highway's push of instruction sets, of which there is one here.
  target_compile_options(masr_compile_options INTERFACE -Wno-pragma-clang-attribute)
endif()
if(MASR_SANITIZE)
  target_compile_options(masr_compile_options INTERFACE
    -fsanitize=${MASR_SANITIZE} -fno-omit-frame-pointer -g -fno-sanitize-recover=all)
  target_link_options(masr_compile_options INTERFACE -fsanitize=${MASR_SANITIZE})
endif()
if(MASR_FUZZ)
  target_compile_options(masr_compile_options INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -g
    -fno-sanitize-recover=all)
  target_link_options(masr_compile_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
endif()
find_package(Threads REQUIRED)
