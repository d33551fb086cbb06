#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "client.h"
#include "program.h"

/// A folder with a configuration, and the program with methods of its own that runs in it.
class Controlled : public testing::Test {
 protected:
  static std::string app() { return std::string{std::getenv("COWORKER_BIN")} + "/control_app"; }

  /// `control`: what stands in the configuration under that name. Returns when it can be asked, and has a consumer.
  void start(const std::string& control, const Sandbox::Words& more = {}) {
    sandbox_.write("coworker.yml", (control.empty() ? "" : "control: " + control + "\n") +
                                       "queues: { mail: { worker: { type: inline, name: mail } } }\n"
                                       "consumers: [ { queues: [mail], max_processes: 2 } ]\n");
    Sandbox::Words words{app(), "run"};
    words.insert(words.end(), more.begin(), more.end());
    program_ = std::make_unique<Background>(sandbox_, words);
    ASSERT_TRUE(eventually([&] {
      const std::string said = log();
      return said.find("the control socket listens on") != std::string::npos &&
             said.find(" runs\n") != std::string::npos;
    })) << log();
  }

  /// And until its consumer is ready.
  void start_ready(const std::string& control) {
    start(control);
    ASSERT_TRUE(eventually([&] {
      return Client{socket()}.call("worker.status", R"(["consumers:mail"])").find("\"result\":1,") != std::string::npos;
    })) << log();
  }

  std::string log() const { return program_->log(); }
  std::string socket() const { return "unix:" + sandbox_.path("coworker-data/control.sock"); }

  /// The port of the n-th TCP address.
  std::string port(std::size_t n = 0) const {
    const std::string said = log();
    const std::string before = "listens on tcp:127.0.0.1:";
    std::size_t at = said.find(before);
    for (; n > 0 && at != std::string::npos; --n) at = said.find(before, at + 1);
    return at == std::string::npos ? "" : said.substr(at + before.size(), said.find('\n', at) - at - before.size());
  }

  Sandbox sandbox_;
  std::unique_ptr<Background> program_;
};
