#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "program.h"

/// nginx and php-fpm with site.php behind them, on loopback and in a sandbox, until it goes out of scope.
class WebSite {
 public:
  /// nginx, php-fpm and openssl are installed.
  static bool is_possible();

  explicit WebSite(const Sandbox& sandbox);
  ~WebSite();
  WebSite(const WebSite&) = delete;
  WebSite& operator=(const WebSite&) = delete;

  /// What comes before a path: "http://127.0.0.1:1234". `secret` ("user:password@") is put in.
  std::string plain(const std::string& secret = {}) const { return address("http://", secret, ports_[0]); }
  std::string trusted(const std::string& secret = {}) const { return address("https://", secret, ports_[1]); }
  std::string expired() const { return address("https://", {}, ports_[2]); }
  std::string misnamed() const { return address("https://", {}, ports_[3]); }
  /// PEM file of who signed all of them.
  std::string authority() const { return sandbox_.path("site/ca.pem"); }

  /// See site.php.
  void set_queues(const std::string& json) const { sandbox_.write("site/queues.json", json); }
  std::string queues() const { return sandbox_.read("site/queues.json"); }
  void plan(const std::string& lines) const { sandbox_.write("site/plan", lines); }
  void go() const { sandbox_.write("site/go", ""); }
  std::vector<std::string> requests() const { return lines("site/requests"); }
  std::vector<std::string> requests(const std::string& which) const;
  std::vector<std::string> ran() const { return lines("site/ran"); }
  /// What nginx and PHP have to say, for a test that failed.
  std::string log() const { return sandbox_.read("site/nginx.log") + sandbox_.read("site/php.log"); }

 private:
  std::string address(const std::string& scheme, const std::string& secret, int port) const;
  std::vector<std::string> lines(const std::string& file) const;
  std::string nginx_configuration() const;
  std::string php_configuration() const;

  const Sandbox& sandbox_;
  std::string folder_;
  int ports_[4] = {};
  pid_t php_ = -1;
  pid_t nginx_ = -1;
};
