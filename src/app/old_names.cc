#include "app/old_names.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace coworker::app {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<std::string_view, 5> kOldCommands{"addjob", "processjob", "supervisor", "scheduler",
                                                       "list-queues"};
constexpr std::array<std::string_view, 4> kIgnored{"--ansi", "--no-ansi", "-n", "--no-interaction"};

template <class Names>
bool is_one_of(std::string_view word, const Names& names) {
  return std::find(names.begin(), names.end(), word) != names.end();
}

/// "--name VALUE" and "--name=VALUE".
bool takes_value(std::string_view word) {
  return word == "--config" || word == "--bootstrap";
}

std::size_t command_at(const Words& words) {
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with('-')) at += takes_value(words[at]) ? 2 : 1;
  return at;
}

void be_quiet() {
  ::setenv("COWORKER_LOG_LEVEL", "error", 1);
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nothing < 0) return;
  ::dup2(nothing, STDOUT_FILENO);
  ::close(nothing);
}

Result<> use_library(const std::string& file) {
  if (::access(file.c_str(), R_OK) != 0) return fail(Errc::not_found, "--bootstrap: '" + file + "' cannot be read");
  ::setenv("COWORKER_BOOTSTRAP", file.c_str(), 1);
  return {};
}

}  // namespace

Result<Words> in_own_words(Words words) {
  const std::size_t command = command_at(words);
  if (command >= words.size()) return words;
  if (words[command] == "list") return Words{"--help"};
  if (words[command] == "help") {
    Words own{words.begin() + static_cast<std::ptrdiff_t>(command) + 1, words.end()};
    own.emplace_back("--help");
    return own;
  }
  if (!is_one_of(words[command], kOldCommands)) return words;
  Words own{words[command]};
  bool options = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (i == command) continue;
    options = options && word != "--";
    if (!options) {
      own.push_back(word);
    } else if (word == "-q" || word == "--quiet") {
      be_quiet();
    } else if (word == "-v" || word == "-vv" || word == "-vvv" || word.starts_with("--verbose")) {
      ::setenv("COWORKER_LOG_LEVEL", "debug", 1);
    } else if (word.starts_with("--bootstrap")) {
      const bool joined = word.starts_with("--bootstrap=");
      if (!joined && i + 1 == words.size()) return fail(Errc::invalid_argument, "--bootstrap needs a file");
      const std::string file = joined ? word.substr(word.find('=') + 1) : words[++i];
      if (Result<> used = use_library(file); !used) return tl::unexpected{std::move(used.error())};
    } else if (!is_one_of(word, kIgnored)) {
      own.push_back(word);
    }
  }
  return own;
}

}  // namespace coworker::app
