#include "app/secrets.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "civi/web_address.h"

namespace coworker::app {
namespace {

/// A flag whose value nobody else is to see.
struct SecretFlag {
  std::string_view name;
  const char* what;
  const char* instead;
};
constexpr SecretFlag kSecretFlags[] = {{"--password", "password", "--password-file or COWORKER_PASSWORD"},
                                       {"--admin-cookie", "cookie", "--cookie-file or COWORKER_ADMIN_COOKIE"},
                                       {"-a", "cookie", "--cookie-file or COWORKER_ADMIN_COOKIE"}};
/// A site's address, also as a key (-d web=ADDRESS). Only what is secret in it is overwritten.
constexpr const char* kWebFlag = "--web";
constexpr const char* kWebValue = "web=";

void warn(const char* what, const char* instead) {
  std::fputs(
      fmt::format("coworker: warning: a {} on the command line can be seen by others; use {}\n", what, instead).c_str(),
      stderr);
}

/// The value that the flag has at this place; nullptr: none.
char* value_of(std::string_view flag, std::span<char*> words, std::size_t at) {
  const std::string_view word = words[at];
  if (word == flag) return at + 1 < words.size() ? words[at + 1] : nullptr;
  const bool is_short = !flag.starts_with("--");
  if (!word.starts_with(flag) || (!is_short && word[flag.size()] != '=')) return nullptr;
  return words[at] + flag.size() + (is_short ? 0 : 1);
}

void hide_web_credential(char* address) {
  const auto secrets = civi::secrets_in(address);
  for (const auto& [offset, length] : secrets) std::memset(address + offset, 'x', length);
  if (!secrets.empty()) warn("credential", "COWORKER_WEB_CREDENTIAL or the key webCredentialFile");
}

}  // namespace

void hide_secrets(int argc, char** argv) {
  const std::span<char*> words{argv, static_cast<std::size_t>(argc)};
  for (std::size_t at = 1; at < words.size() && std::strcmp(words[at], "--") != 0; ++at) {
    for (const SecretFlag& flag : kSecretFlags) {
      char* secret = value_of(flag.name, words, at);
      if (secret == nullptr) continue;
      std::memset(secret, 'x', std::strlen(secret));
      warn(flag.what, flag.instead);
    }
    if (std::strcmp(words[at], kWebFlag) == 0 && at + 1 < words.size()) hide_web_credential(words[at + 1]);
    if (char* address = std::strstr(words[at], kWebValue)) hide_web_credential(address);
  }
}

}  // namespace coworker::app
