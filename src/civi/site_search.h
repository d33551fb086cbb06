#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace coworker::civi {

/// What a site is built with, which decides who can start its pipe.
enum class SiteKind : std::uint8_t { wordpress, joomla, drupal7, drupal, backdrop, standalone };

std::string_view to_string(SiteKind kind);

struct FoundSite {
  SiteKind kind;
  std::filesystem::path folder;
};

/// The first site found in `folder`, in its folder web (Standalone: srv, too), or in those above it.
std::optional<FoundSite> find_site(const std::filesystem::path& folder);

/// The command for the pipe of the site that `folder` belongs to: by cv, else by drush or wp where these can.
/// `variable` is the environment, empty when it is not set, and `flags` go to the pipe (empty: trusted, with login).
/// An error says what was looked for, and what to type instead.
Result<std::string> find_pipe_command(const std::filesystem::path& folder,
                                      const std::function<std::string(const char*)>& variable,
                                      const std::string& flags);

}  // namespace coworker::civi
