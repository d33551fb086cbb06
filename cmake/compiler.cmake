# clang 19 is the toolchain. g++ before 14 destroys some temporaries of co_await expressions twice
# (GCC bugs 99576, 104384 and relatives), so a program that it builds may corrupt its memory.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} destroys temporaries beside co_await twice; "
    "use clang 19 (apt install clang-19 lld-19; cmake --preset release) or g++ 14 or later")
endif()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# Flags every target of ours shares. An interface target, so that a third-party target never
# inherits our warnings.
add_library(cw_flags INTERFACE)
target_compile_features(cw_flags INTERFACE cxx_std_20)
target_include_directories(cw_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(cw_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror=return-type
  -ffunction-sections -fdata-sections)
option(CW_WERROR "treat warnings as errors" ON)
if(CW_WERROR)
  target_compile_options(cw_flags INTERFACE -Werror)
endif()
set(CW_SANITIZE "" CACHE STRING "sanitizers for all targets of ours, for example address,undefined")
if(CW_SANITIZE)
  target_compile_options(cw_flags INTERFACE -fsanitize=${CW_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(cw_flags INTERFACE -fsanitize=${CW_SANITIZE})
endif()
option(CW_FUZZ "instrument all code for libFuzzer" OFF)
if(CW_FUZZ)
  target_compile_options(cw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
