#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "channel/tls/settings.h"

/// For tests: a folder with a certificate authority of its own, made by the program `openssl`.
namespace coworker::channel::tls {

class Authority {
 public:
  Authority() {
    std::string pattern = "/tmp/cw-ca-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    is_there_ =
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 2 -keyout " +
            file("ca.key") + " -out " + file("ca.pem"));
  }
  ~Authority() { std::filesystem::remove_all(folder_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  bool is_there() const { return is_there_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string ca() const { return file("ca.pem"); }

  /// Certificate and key for `names` ("DNS:localhost,IP:127.0.0.1"), valid for `days` from now; negative: until then.
  Settings sign(const std::string& who, const std::string& names, int days = 2) const {
    const std::string base = file(who);
    const bool made =
        run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + who + " -keyout " + base +
            ".key -out " + base + ".csr") &&
        replace_file(base + ".ext", "subjectAltName=" + names + "\n") &&
        run("openssl x509 -req -in " + base + ".csr -CA " + ca() + " -CAkey " + file("ca.key") +
            " -CAcreateserial -extfile " + base + ".ext -days " + std::to_string(days) + " -out " + base + ".pem");
    return made ? Settings{base + ".pem", base + ".key"} : Settings{};
  }

 private:
  static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

  std::string folder_;
  bool is_there_ = false;
};

}  // namespace coworker::channel::tls
