#pragma once

#include <string>
#include <vector>

/// The real files that the demonstration works on.
struct Input {
  std::string folder;
  std::vector<std::string> files;  // absolute paths, sorted
  std::size_t left_out = 0;        // beyond the bound, unreadable, or with a name that needs quoting in JSON
};

/// The regular files below `folder`, at most `most`. With no folder: the documentation of installed packages, or the
/// system's headers where there is too little of it. Empty when the folder cannot be read.
Input find_input(const std::string& folder, std::size_t most);
