#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace coworker::app {

/// What was typed, without the program's name, as Disqontrol's command line takes it: `help`, `list`, and for its own
/// commands (addjob, processjob, supervisor, scheduler, list-queues) the options that go with all of them, in front of
/// the command too. The result is in the words of this program; how much is printed and which library is loaded goes
/// into the environment. not_found when the library is not there.
Result<std::vector<std::string>> in_own_words(std::vector<std::string> words);

}  // namespace coworker::app
