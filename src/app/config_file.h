#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "app/settings.h"
#include "base/error.h"

namespace coworker::app {

/// Reads a configuration (YAML, of which JSON is a part) into `settings`, over what is there. All mistakes are
/// reported together, one a line: "coworker.yml:12: queues.mail.max_retires: unknown key; did you mean …?".
/// `file` is its name for messages, and its folder is what relative paths in it are relative to.
Result<> read_config(std::string_view text, const std::string& file, Settings& settings);

/// The same for the file's content. not_found when there is no such file.
Result<> read_config_file(const std::string& file, Settings& settings);

/// Takes what the environment has for keys of the table (COWORKER_BROKER_LISTEN, …), over what is there.
/// `lookup` is getenv: nullptr when a variable is not set.
Result<> read_environment(const std::function<const char*(const char*)>& lookup, Settings& settings);

/// Turns what stands under `disqontrol` into coworker's own keys, so that no one else needs to know that file.
/// Values that program has other defaults for become explicit.
Result<> translate_disqontrol(Settings& settings);

}  // namespace coworker::app
