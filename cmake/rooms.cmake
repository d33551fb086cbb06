# cw_room(<name> [DEPENDS <room>...] [LINK <target>...])
#
# The library for src/<name> and its unit tests (every *_test.cc beside the code it tests). DEPENDS
# is the layering: it lists the only rooms whose headers this one may include, and
# tools/lint/layers.py holds the includes to it.
function(cw_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "DEPENDS;LINK")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(TRANSFORM room_DEPENDS PREPEND cw_)

  set(scope PUBLIC)
  if(sources)
    add_library(cw_${name} STATIC ${sources})
  else()
    add_library(cw_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(cw_${name} ${scope} cw_flags ${room_DEPENDS} ${room_LINK})

  if(BUILD_TESTING AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE cw_${name} GTest::gtest_main GTest::gmock)
    include(GoogleTest)
    gtest_discover_tests(${name}_test
      TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST)
  endif()
endfunction()
