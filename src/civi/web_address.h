#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

/// The text of a site's address, and who we are there; nothing here connects.
namespace coworker::civi {

/// Who we are on a site. At most one of each; both where a web server asks for a password of its own in front of a
/// site that takes a token.
struct WebCredential {
  std::string password;  // "user:password"
  std::string token;     // of a contact: an API key or a JWT

  bool empty() const { return password.empty() && token.empty(); }
};

/// A site as it was named, without the credential.
struct WebAddress {
  std::string url;        // where JSON-RPC is spoken
  std::string api;        // APIv4; {entity} and {action} stand for these
  std::string shown;      // for logs and errors: without a query
  bool is_clear = false;  // plain http to another machine: what is sent can be read on the way
  WebCredential credential;
};

/// Reads `https://user:password@host/civicrm/queue` and `https://host/civicrm/queue?token=TOKEN`. The API is a
/// neighbour of what the path names below `civicrm`, also where a CMS keeps that path in a parameter
/// (`?q=civicrm/queue`,
/// `?task=civicrm/queue`); without such a path the site is taken to be at the address itself.
///
/// invalid_argument: another scheme, no host, half a credential. The message shows no secret.
Result<WebAddress> parse_web_address(std::string_view url);

/// Reads a credential that was given apart from the address: "user:password", "Bearer TOKEN" or a token alone.
Result<WebCredential> parse_web_credential(std::string_view text);

/// Where in an address secrets stand, as offset and length; also in one that `parse_web_address` refuses.
std::vector<std::pair<std::size_t, std::size_t>> secrets_in(std::string_view url);

/// The address of an action.
std::string action_url(const WebAddress& address, std::string_view entity, std::string_view action);

}  // namespace coworker::civi
