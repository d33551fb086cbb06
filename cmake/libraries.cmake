# Third-party libraries, each as one target. Archives are preferred, so that the program starts fast.
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)

add_library(cw_xxhash INTERFACE)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY NAMES libxxhash.a xxhash REQUIRED)
target_include_directories(cw_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE})
target_link_libraries(cw_xxhash INTERFACE ${XXHASH_LIBRARY})

# Only its headers: src/base/fmt_archive.cc compiles the rest.
find_path(FMT_INCLUDE fmt/format-inl.h REQUIRED)
add_library(cw_fmt INTERFACE)
target_include_directories(cw_fmt SYSTEM INTERFACE ${FMT_INCLUDE})

if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
find_package(benchmark QUIET)

find_path(YAML_INCLUDE yaml-cpp/yaml.h REQUIRED)
find_library(YAML_LIBRARY NAMES libyaml-cpp.a yaml-cpp REQUIRED)
add_library(cw_yaml INTERFACE)
target_include_directories(cw_yaml SYSTEM INTERFACE ${YAML_INCLUDE})
target_link_libraries(cw_yaml INTERFACE ${YAML_LIBRARY})

find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
add_library(cw_cli11 INTERFACE)
target_include_directories(cw_cli11 SYSTEM INTERFACE ${CLI11_INCLUDE})

find_path(PUGIXML_INCLUDE pugixml.hpp REQUIRED)
find_library(PUGIXML_LIBRARY NAMES libpugixml.a pugixml REQUIRED)
add_library(cw_pugixml INTERFACE)
target_include_directories(cw_pugixml SYSTEM INTERFACE ${PUGIXML_INCLUDE})
target_link_libraries(cw_pugixml INTERFACE ${PUGIXML_LIBRARY})
