# WebAssembly with SIMD and threads, by Emscripten (scripts/cross_dependencies.sh wasm). Programs run under Node, with
# this machine's files.
include(/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake)
# Emscripten's loader takes Node's fetch for the browser's, which reads no files.
set(CMAKE_CROSSCOMPILING_EMULATOR node --no-experimental-fetch)
get_filename_component(root ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
set(libraries ${root}/build/wasm_libraries)
list(APPEND CMAKE_FIND_ROOT_PATH ${libraries})
set(CMAKE_C_FLAGS_INIT "-pthread -msimd128 -isystem ${libraries}/include")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT} -include ${CMAKE_CURRENT_LIST_DIR}/ranges_algorithms.h")
# main() in a worker of its own, so that waiting for other threads does not stop Node's event loop.
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "-sPROXY_TO_PTHREAD=1 -sEXIT_RUNTIME=1 -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB -sNODERAWFS=1 -sEMULATE_FUNCTION_POINTER_CASTS=1 -Wno-pthreads-mem-growth")
