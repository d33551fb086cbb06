#pragma once

#include <string>

/// The whole demonstration on the files of `folder` ("" for a usual one): adds two jobs a file, kills a consumer at its
/// work, compares all results with the system's own programs, and prints what it measured. The exit code.
int show(const std::string& folder);
