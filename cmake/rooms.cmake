include(GoogleTest)

# What ./dev test, ./dev fuzz and ./dev bench build besides the program.
add_custom_target(threaded_tests)  # the tests that also run under ThreadSanitizer
add_custom_target(fuzz_targets)
add_custom_target(benchmarks)

# cw_asio_header(<target>): compile <target> with the precompiled header that cw_async builds.
function(cw_asio_header target)
  if(target STREQUAL "cw_async")
    target_precompile_headers(cw_async PRIVATE ${PROJECT_SOURCE_DIR}/src/async/asio_pch.h)
    # Without it ccache never hits for whoever uses the header.
    target_compile_options(cw_async PRIVATE $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
  else()
    target_precompile_headers(${target} REUSE_FROM cw_async)
  endif()
endfunction()

# cw_room(<name> [ASIO] [THREADED] [DEPENDS <room>...] [LINK <target>...])
#
# The library for src/<name> and what stands beside its code:
#   *_test.cc   one program of unit tests; with THREADED they also run under ThreadSanitizer
#   *_fuzz.cc   a libFuzzer target each; its kept corpus fuzz/corpus/<file without _fuzz> is a unit test
#   *_bench.cc  a Google Benchmark program each
# DEPENDS is the layering: it lists the only rooms whose headers this one may include, and
# tools/lint/layers.py holds the includes to it. ASIO: the room includes Asio, so it and its tests are
# compiled with the precompiled header of cw_async (src/async/asio_pch.h).
function(cw_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "ASIO;THREADED" "" "DEPENDS;LINK")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${sources})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  set(benches ${sources})
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(TRANSFORM room_DEPENDS PREPEND cw_)

  set(scope PUBLIC)
  if(sources)
    add_library(cw_${name} STATIC ${sources})
    set_property(GLOBAL APPEND PROPERTY CW_ROOMS cw_${name})
  else()
    add_library(cw_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(cw_${name} ${scope} cw_flags ${room_DEPENDS} ${room_LINK})
  if(room_ASIO AND sources)
    cw_asio_header(cw_${name})
  endif()

  if(BUILD_TESTING AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE cw_${name} GTest::gtest_main GTest::gmock)
    if(room_ASIO)
      cw_asio_header(${name}_test)
    endif()
    set(label unit)
    if(room_THREADED)
      set(label threads)
      add_dependencies(threaded_tests ${name}_test)
    endif()
    gtest_discover_tests(${name}_test
      TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS ${label} TIMEOUT 300)
  endif()
  foreach(source IN LISTS fuzzers)
    cw_fuzzer(${source} cw_${name})
  endforeach()
  foreach(source IN LISTS benches)
    cw_benchmark(${source} cw_${name})
  endforeach()
endfunction()

# Outside the fuzz preset a fuzz target is built only to replay its kept corpus as a test.
function(cw_fuzzer source library)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CW_SANITIZE MATCHES "thread")
    return()
  endif()
  cmake_path(GET source STEM target)
  add_executable(${target} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${target} PRIVATE ${library})
  target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  add_dependencies(fuzz_targets ${target})

  string(REGEX REPLACE "_fuzz$" "" corpus ${target})
  file(GLOB inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/corpus/${corpus}/*)
  if(BUILD_TESTING AND inputs)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL OFF)
    add_test(NAME fuzz.${corpus}.kept_corpus COMMAND ${target} ${inputs})
    set_tests_properties(fuzz.${corpus}.kept_corpus PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

function(cw_benchmark source library)
  if(NOT benchmark_FOUND)
    return()
  endif()
  cmake_path(GET source STEM target)
  add_executable(${target} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${target} PRIVATE ${library} benchmark::benchmark_main)
  add_dependencies(benchmarks ${target})
endfunction()

# cw_program(<name> <source>... [LINK <target>...]): a program that starts fast, because it finds its
# libraries inside itself.
function(cw_program name)
  cmake_parse_arguments(PARSE_ARGV 1 program "" "" "LINK")
  add_executable(${name} ${program_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${program_LINK})
  if(NOT CW_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc -Wl,--gc-sections)
  endif()
endfunction()
