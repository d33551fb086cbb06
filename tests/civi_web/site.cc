#include "site.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace {

std::string find_program(const std::vector<std::string>& names) {
  std::stringstream path{std::string{std::getenv("PATH")} + ":/usr/sbin:/usr/local/sbin"};
  for (std::string folder; std::getline(path, folder, ':');) {
    for (const std::string& name : names) {
      if (::access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
    }
  }
  return {};
}

std::string nginx() {
  return find_program({"nginx"});
}

std::string php_fpm() {
  return find_program({"php-fpm", "php-fpm8.2", "php-fpm8.3", "php-fpm8.4"});
}

/// Ends with the test, whatever ends that.
pid_t start(std::vector<std::string> words, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  if (std::freopen(log.c_str(), "a", stderr) != nullptr) ::dup2(2, 1);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

void stop(pid_t pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
}

/// A socket that listens, with its port; nginx takes it over.
std::pair<int, int> listening() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd, 64), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {fd, ntohs(address.sin_port)};
}

}  // namespace

bool WebSite::is_possible() {
  return !nginx().empty() && !php_fpm().empty() && !find_program({"openssl"}).empty();
}

WebSite::WebSite(const Sandbox& sandbox) : sandbox_{sandbox}, folder_{sandbox.path("site")} {
  std::filesystem::create_directory(folder_);
  EXPECT_EQ(std::system(fmt::format("sh {}/certificates.sh '{}'", SITE_FOLDER, folder_).c_str()), 0);
  sandbox.write("site/php.conf", php_configuration());
  std::vector<std::string> words{php_fpm(), "-F", "-y", folder_ + "/php.conf"};
  if (::getuid() == 0) words.emplace_back("-R");
  php_ = start(std::move(words), folder_ + "/php.log");
  EXPECT_TRUE(eventually([&] { return ::access((folder_ + "/php.sock").c_str(), F_OK) == 0; })) << log();

  std::string inherited;
  std::vector<int> fds;
  for (int& port : ports_) {
    const auto [fd, own] = listening();
    fds.push_back(fd);
    inherited += fmt::format("{};", fd);
    port = own;
  }
  sandbox.write("site/nginx.conf", nginx_configuration());
  ::setenv("NGINX", inherited.c_str(), 1);
  nginx_ = start({nginx(), "-p", folder_, "-e", folder_ + "/nginx.log", "-c", folder_ + "/nginx.conf"},
                 folder_ + "/nginx.log");
  ::unsetenv("NGINX");
  for (const int fd : fds) ::close(fd);
}

WebSite::~WebSite() {
  go();
  stop(nginx_);
  stop(php_);
}

std::string WebSite::php_configuration() const {
  return fmt::format(
      "[global]\nerror_log = {0}/php.log\n[www]\n{1}listen = {0}/php.sock\npm = static\npm.max_children = 8\n"
      "catch_workers_output = yes\nclear_env = no\nphp_admin_value[display_errors] = 1\n",
      folder_, ::getuid() == 0 ? "user = root\ngroup = root\n" : "");
}

std::string WebSite::nginx_configuration() const {
  std::string text = fmt::format(
      "daemon off;\nworker_processes 1;\n{1}pid {0}/nginx.pid;\nerror_log {0}/nginx.log warn;\n"
      "events {{ worker_connections 256; }}\nhttp {{\naccess_log off;\nclient_max_body_size 64m;\n"
      "client_body_temp_path {0}/t1;\nfastcgi_temp_path {0}/t2;\nproxy_temp_path {0}/t3;\nuwsgi_temp_path {0}/t4;\n"
      "scgi_temp_path {0}/t5;\n",
      folder_, ::getuid() == 0 ? "user root;\n" : "");
  const char* const certificates[] = {"", "good", "old", "other"};
  for (std::size_t i = 0; i < 4; ++i) {
    text += fmt::format("server {{\nlisten 127.0.0.1:{}{};\n", ports_[i], i == 0 ? "" : " ssl http2");
    if (i > 0)
      text += fmt::format("ssl_certificate {0}/{1}.pem;\nssl_certificate_key {0}/{1}.key;\n", folder_, certificates[i]);
    text += fmt::format(
        "location / {{\nfastcgi_pass unix:{0}/php.sock;\nfastcgi_read_timeout 300s;\n"
        "fastcgi_param SCRIPT_FILENAME {1}/site.php;\nfastcgi_param STAND_IN {0};\n"
        "fastcgi_param REQUEST_URI $request_uri;\nfastcgi_param REQUEST_METHOD $request_method;\n"
        "fastcgi_param QUERY_STRING $query_string;\nfastcgi_param CONTENT_TYPE $content_type;\n"
        "fastcgi_param CONTENT_LENGTH $content_length;\nfastcgi_param REMOTE_PORT $remote_port;\n"
        "fastcgi_param SERVER_PROTOCOL $server_protocol;\nfastcgi_param REMOTE_ADDR $remote_addr;\n}}\n"
        "location = /drop {{ internal; return 444; }}\n}}\n",
        folder_, SITE_FOLDER);
  }
  return text + "}\n";
}

std::string WebSite::address(const std::string& scheme, const std::string& secret, int port) const {
  return fmt::format("{}{}127.0.0.1:{}", scheme, secret, port);
}

std::vector<std::string> WebSite::lines(const std::string& file) const {
  std::vector<std::string> found;
  std::stringstream text{sandbox_.read(file)};
  for (std::string line; std::getline(text, line);) found.push_back(line);
  return found;
}

std::vector<std::string> WebSite::requests(const std::string& which) const {
  std::vector<std::string> found;
  for (std::string& line : requests()) {
    if (line.starts_with(which + " ")) found.push_back(std::move(line));
  }
  return found;
}
