#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What the workers wrote: a line for each time a job was run to its end.
struct Result {
  std::string sum;
  unsigned attempt = 1;
  std::int64_t at_ms = 0;  // when it was written; 0: not known
};
using Results = std::map<std::string, std::vector<Result>>;  // by file

/// Reads lines `ATTEMPT MS SUM FILE`; a line without an end is still being written.
Results read_results(const std::string& file);

/// What the system's own program says of the files: "sha256sum" or "cksum", run over all of them at once.
std::map<std::string, std::string> sums_by(const std::string& program, const std::vector<std::string>& files,
                                           const std::string& work_folder);

struct Verdict {
  std::size_t right = 0;
  std::size_t missing = 0;
  std::size_t wrong = 0;
  std::size_t again = 0;  // results beyond the first of a file: its job was run again
};

Verdict compare(const std::vector<std::string>& files, const Results& results,
                const std::map<std::string, std::string>& expected);

/// The checksum of cksum(1): a CRC over the bytes and their number.
std::string crc_of_file(const std::string& file);
