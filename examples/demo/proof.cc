#include "proof.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

Results read_results(const std::string& file) {
  Results results;
  std::ifstream stream{file, std::ios::binary};
  std::ostringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    std::istringstream line{text.substr(at, end - at)};
    at = end + 1;
    Result result;
    std::string name;
    line >> result.attempt >> result.at_ms >> result.sum;
    line.ignore(1);
    std::getline(line, name);
    results[name].push_back(result);
  }
  return results;
}

std::map<std::string, std::string> sums_by(const std::string& program, const std::vector<std::string>& files,
                                           const std::string& work_folder) {
  const std::string list = work_folder + "/files";
  std::ofstream{list, std::ios::binary} << [&] {
    std::string text;
    for (const std::string& file : files) text += file + '\0';
    return text;
  }();
  const std::string command = "xargs -0 " + program + " -- < '" + list + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error{"cannot run " + command};
  std::map<std::string, std::string> sums;
  std::array<char, 8192> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    std::istringstream line{buffer.data()};
    std::string sum, name;
    line >> sum;
    // "SUM  FILE" of sha256sum, "SUM BYTES FILE" of cksum.
    if (program == "cksum") line >> name;
    std::getline(line >> std::ws, name);
    sums[name] = sum;
  }
  if (::pclose(pipe) != 0) throw std::runtime_error{command + " failed"};
  return sums;
}

Verdict compare(const std::vector<std::string>& files, const Results& results,
                const std::map<std::string, std::string>& expected) {
  Verdict verdict;
  for (const std::string& file : files) {
    const auto found = results.find(file);
    const auto sum = expected.find(file);
    if (found == results.end() || sum == expected.end()) {
      ++verdict.missing;
      continue;
    }
    bool is_right = true;
    for (const Result& result : found->second) is_right = is_right && result.sum == sum->second;
    ++(is_right ? verdict.right : verdict.wrong);
    verdict.again += found->second.size() - 1;
  }
  return verdict;
}

namespace {

// The polynomial of ISO 8802-3, highest bit first, one table entry for each byte.
constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte << 24;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder << 1) ^ ((remainder >> 31) != 0 ? 0x04c11db7u : 0u);
    table[byte] = remainder;
  }
  return table;
}

}  // namespace

std::string crc_of_file(const std::string& file) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::ifstream stream{file, std::ios::binary};
  if (!stream) throw std::runtime_error{"cannot open " + file};
  std::uint32_t crc = 0;
  std::uint64_t length = 0;
  const auto take = [&](std::uint64_t byte) { crc = (crc << 8) ^ kTable[((crc >> 24) ^ byte) & 0xff]; };
  std::array<char, 65536> buffer{};
  while (stream.read(buffer.data(), buffer.size()), stream.gcount() > 0) {
    for (std::streamsize i = 0; i < stream.gcount(); ++i)
      take(static_cast<unsigned char>(buffer[static_cast<std::size_t>(i)]));
    length += static_cast<std::uint64_t>(stream.gcount());
  }
  for (std::uint64_t rest = length; rest != 0; rest >>= 8) take(rest & 0xff);
  return std::to_string(static_cast<std::uint32_t>(~crc));
}
