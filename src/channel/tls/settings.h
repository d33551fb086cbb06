#pragma once

#include <string>

namespace coworker::channel::tls {

/// What one side brings to TLS. Files are PEM.
struct Settings {
  std::string certificate{};  // our own and what leads to its root; servers need one
  std::string key{};          // of it; empty: it is in the certificate's file
  std::string ca{};    // who may have signed the other side's certificate. Empty: a server asks for none, a client
                       // takes whom the system trusts
  bool verify = true;  // clients: the server must be who it is called
  std::string name{};  // clients: what it is called, if that is not the host of its address

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace coworker::channel::tls
