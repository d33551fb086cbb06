#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "coworker/tls.h"

namespace coworker {

/// How workers are started and reached; every field has a default.
struct Profile {
  std::string program{};                         // with coworker::App in it; empty: the one that runs
  std::vector<std::string> environment{};        // "NAME=value", added to this process's
  std::string directory{};                       // working directory; empty: this process's
  std::string user{};                            // that they run as; empty: this process's
  std::uint64_t memory = 0;                      // bytes they may allocate; 0: no limit
  std::chrono::seconds cpu{0};                   // of processor time; 0: no limit
  std::uint64_t open_files = 0;                  // 0: no limit of its own
  std::string arguments = "null";                // JSON, for their constructors
  std::vector<std::string> libraries{};          // shared libraries that they load before they are constructed
  std::string bootstrap{};                       // shared library with coworker_bootstrap_v1 that registers them, too
  std::string output{};                          // file that their prints are appended to; empty: this process's stderr
  bool own_descriptors = false;                  // programs that are not of coworker: the channel is COWORKER_IN and
                                                 // COWORKER_OUT instead of standard input and output
  std::size_t longest_message = 64u << 20;       // bytes
  std::size_t deepest_message = 512;             // arrays and objects within each other
  std::chrono::milliseconds start_limit{5'000};  // until it has to have announced itself
  std::chrono::milliseconds grace{5'000};        // after the channel is closed, and again after SIGTERM

  // Of shared workers.
  std::string admin_cookie{};  // who knows it may stop them; empty: that of cookie_file, else of the variable
  std::string cookie_file{};   // COWORKER_ADMIN_COOKIE, else nobody may
  std::string kill_switch{};   // file that may hold them back
  std::chrono::milliseconds drain{10'000};          // after a stop: how long connected masters may stay
  std::chrono::milliseconds connect_limit{10'000};  // for connecting, a start included
  bool insecure = false;               // may listen beyond this machine, without TLS, where nothing asks for a password
  Tls tls{};                           // of masters, for tls:HOST:PORT
  std::string tls_certificate{};       // of workers there, PEM files: the certificate with what leads to its root,
  std::string tls_key{};               // its key (empty: in the same file),
  std::string tls_client_ca{};         // and who must have signed the certificates of masters; empty: they need none
  unsigned socket_mode = 0600;         // of a unix socket's file
  int backlog = 511;                   // masters that may wait to be taken
  std::chrono::seconds keep_alive{0};  // asks a silent master's machine after so long whether it is there; 0: never
};

}  // namespace coworker
