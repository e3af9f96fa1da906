# The module that apps embed: one archive, and one shared library that shows nothing but masr_*; installed with what
# find_package(mobileasr) and pkg-config need.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What it uses besides: names, so that an installed package does not point into this machine.
set(MASR_EXTERNAL)
foreach(file ${MASR_SNDFILE} ${MASR_SOXR} ${MASR_KISSFFT} ${MASR_SOUNDTOUCH} ${MASR_HWY})
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^lib" "" name ${name})
  list(APPEND MASR_EXTERNAL ${name})
endforeach()

set(objects)
foreach(folder base io resources tensor kernels layers audio text lm model ctc recognize data plan train rounds report capi)
  list(APPEND objects $<TARGET_OBJECTS:masr_${folder}>)
endforeach()

function(masr_module target kind)
  add_library(${target} ${kind} ${objects})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME mobileasr LINKER_LANGUAGE CXX)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE ${MASR_EXTERNAL} Threads::Threads)
endfunction()

masr_module(mobileasr_static STATIC)
set_target_properties(mobileasr_static PROPERTIES EXPORT_NAME mobileasr)
# A program in C alone may link it: whoever links C++ does not get this twice.
target_link_libraries(mobileasr_static PRIVATE stdc++ m)
set(module mobileasr_static)

# A sanitizer wants to be in the program.
if(NOT MASR_SANITIZE AND NOT MASR_FUZZ AND NOT EMSCRIPTEN)
  masr_module(mobileasr_shared SHARED)
  set_target_properties(mobileasr_shared PROPERTIES EXPORT_NAME shared
    VERSION ${PROJECT_VERSION} SOVERSION ${MASR_ABI_VERSION})
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set(map ${CMAKE_SOURCE_DIR}/cmake/mobileasr.map)
    target_link_options(mobileasr_shared PRIVATE
      -Wl,--version-script=${map} -Wl,--gc-sections -Wl,--no-undefined)
    set_target_properties(mobileasr_shared PROPERTIES LINK_DEPENDS ${map})
  endif()
  list(APPEND module mobileasr_shared)
endif()

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/mobileasr)
install(TARGETS ${module} EXPORT mobileasrTargets COMPONENT module)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/mobileasr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT module)
install(EXPORT mobileasrTargets NAMESPACE mobileasr:: DESTINATION ${config_folder} COMPONENT module)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/mobileasrConfig.cmake.in
  ${CMAKE_BINARY_DIR}/mobileasrConfig.cmake INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mobileasrConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/mobileasrConfig.cmake ${CMAKE_BINARY_DIR}/mobileasrConfigVersion.cmake
  DESTINATION ${config_folder} COMPONENT module)

list(TRANSFORM MASR_EXTERNAL PREPEND "-l" OUTPUT_VARIABLE private)
list(APPEND private -lstdc++ -lm -pthread)
list(JOIN private " " MASR_PC_PRIVATE)
# From the folder of the .pc file to the prefix: the package may be moved.
file(RELATIVE_PATH MASR_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_SOURCE_DIR}/cmake/mobileasr.pc.in ${CMAKE_BINARY_DIR}/mobileasr.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/mobileasr.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT module)
