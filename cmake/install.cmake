# What `cmake --install` puts where: the program, the library with its headers, and the CMake package
# that makes find_package(coworker) work.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One archive of all rooms, so that a user links one thing.
get_property(rooms GLOBAL PROPERTY CW_ROOMS)
set(objects ${rooms})
list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
add_library(coworker_library STATIC EXCLUDE_FROM_ALL ${objects})
set_target_properties(coworker_library PROPERTIES OUTPUT_NAME coworker LINKER_LANGUAGE CXX)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/coworkerConfig.cmake.in ${PROJECT_BINARY_DIR}/coworkerConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/coworker PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/coworkerConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS coworker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES $<TARGET_FILE:coworker_library> DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/coworker DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/coworkerConfig.cmake ${PROJECT_BINARY_DIR}/coworkerConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/coworker)
install(FILES ${PROJECT_SOURCE_DIR}/packaging/coworker.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME coworker)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
