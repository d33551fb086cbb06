#pragma once

#include <string>

namespace coworker {

/// What a client brings to servers at tls:HOST:PORT. Files are PEM.
struct Tls {
  std::string ca{};           // servers must have a certificate that these signed; empty: whom the system trusts
  std::string certificate{};  // of our own, for servers that ask for one
  std::string key{};          // of it; empty: it is in the certificate's file
  std::string name{};         // what certificates of servers must name; empty: the host of the address
  bool verify = true;         // servers must be who they are called
};

}  // namespace coworker
