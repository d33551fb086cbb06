#include "civi/site_search.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace coworker::civi {
namespace {

namespace fs = std::filesystem;

struct Sign {
  SiteKind kind;
  const char* file;
};
constexpr std::array kSigns{Sign{SiteKind::wordpress, "wp-load.php"},
                            Sign{SiteKind::joomla, "administrator/components/com_users/users.php"},
                            Sign{SiteKind::joomla, "libraries/src/Factory.php"},
                            Sign{SiteKind::drupal7, "modules/system/system.module"},
                            Sign{SiteKind::drupal, "core/core.services.yml"},
                            Sign{SiteKind::backdrop, "core/modules/layout/layout.module"},
                            Sign{SiteKind::standalone, "civicrm.standalone.php"},
                            Sign{SiteKind::standalone, "civicrm.config.php.standalone"}};

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

bool is_program(const std::string& name, const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    const fs::path file = fs::path{end > at ? path.substr(at, end - at) : "."} / name;
    std::error_code ignored;  // a folder of PATH that this user may not look into
    if (!fs::is_directory(file, ignored) && ::access(file.c_str(), X_OK) == 0) return true;
    at = end + 1;
  }
  return false;
}

std::string quoted(const fs::path& path) {
  std::string text = "'";
  for (const char c : path.string()) c == '\'' ? text += "'\\''" : text += c;
  return text + "'";
}

/// Who else than cv can start it; empty: nobody that we know of.
std::string other_command(const FoundSite& site, const std::string& flags, const std::string& path) {
  const std::string folder = quoted(site.folder);
  if (site.kind == SiteKind::wordpress && is_program("wp", path)) {
    return fmt::format("wp --path={} civicrm pipe {}", folder, flags);
  }
  if (site.kind == SiteKind::drupal7 && is_program("drush", path)) {
    return fmt::format("drush --root={} ev 'civicrm_initialize(); Civi::pipe(\"{}\");'", folder, flags);
  }
  if (site.kind == SiteKind::drupal && is_program("drush", path)) {
    return fmt::format("drush --root={} ev '\\Drupal::service(\"civicrm\")->initialize(); Civi::pipe(\"{}\");'", folder,
                       flags);
  }
  return {};
}

constexpr std::string_view kAdvice =
    "say how the site's pipe is started, as in --pipe='cv pipe', --pipe='ssh user@host \"cd /var/www/site; cv pipe\"', "
    "or --pipe='wp civicrm pipe'";

}  // namespace

std::string_view to_string(SiteKind kind) {
  constexpr std::array<std::string_view, 6> kNames{"WordPress", "Joomla",   "Drupal 7",
                                                   "Drupal",    "Backdrop", "Standalone"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<FoundSite> find_site(const fs::path& folder) {
  for (fs::path level = folder;; level = level.parent_path()) {
    for (const Sign& sign : kSigns) {
      for (const char* below : {"", "web", "srv"}) {
        if (std::string_view{below} == "srv" && sign.kind != SiteKind::standalone) continue;
        const fs::path place = *below == '\0' ? level : level / below;
        if (is_there(place / sign.file)) return FoundSite{sign.kind, place};
      }
    }
    if (level == level.parent_path()) return std::nullopt;
  }
}

Result<std::string> find_pipe_command(const fs::path& folder, const std::function<std::string(const char*)>& variable,
                                      const std::string& flags) {
  const std::string path = variable("PATH");
  const std::string given = flags.empty() ? "vtl" : flags;
  const bool has_cv = is_program("cv", path);
  const bool is_named = !variable("CIVICRM_SETTINGS").empty() || !variable("CIVICRM_BOOT").empty();
  const std::optional<FoundSite> site = find_site(folder);
  if (has_cv && (is_named || site)) return "cv pipe " + given;
  if (!is_named && !site) {
    std::vector<std::string> files;
    for (const Sign& sign : kSigns) files.emplace_back(sign.file);
    return fail(Errc::not_found,
                fmt::format("no CiviCRM site was found: neither CIVICRM_SETTINGS nor CIVICRM_BOOT is set, and {}, its "
                            "folder web and the folders above have none of {}; {}",
                            folder.string(), fmt::join(files, ", "), kAdvice));
  }
  if (is_named) {
    return fail(Errc::not_found, fmt::format("CIVICRM_SETTINGS or CIVICRM_BOOT names a site, but cv, which reads them, "
                                             "is not in PATH ({}); {}",
                                             path, kAdvice));
  }
  if (std::string command = other_command(*site, given, path); !command.empty()) return command;
  return fail(Errc::not_found, fmt::format("there is a {} site in {}, but neither cv nor another program that starts "
                                           "its pipe is in PATH ({}); {}",
                                           to_string(site->kind), site->folder.string(), path, kAdvice));
}

}  // namespace coworker::civi
