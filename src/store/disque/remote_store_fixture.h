#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "channel/resp/encode.h"
#include "store/disque/remote_store.h"
#include "store/disque/scripted_server.h"

namespace coworker::store::disque {

using Words = ScriptedServer::Words;

inline const std::string kId = "D-00000000-AAAAAAAAAAAAAAAAAAAAAAAA-05a1";

inline std::string bulk(std::string_view text) {
  std::string out;
  channel::resp::append_bulk(out, text);
  return out;
}

inline std::string broker_hello(const std::string& features) {
  return "*4\r\n" + bulk("session") + bulk("s1") + bulk("features") + bulk(features);
}

inline std::string delivery(const std::string& body) {
  return "*10\r\n" + bulk("q") + bulk(kId) + bulk(body) + bulk("77") + ":300\r\n:-3\r\n:1\r\n:2\r\n:4\r\n:5\r\n";
}

/// A store on a scripted server, and the loop that both are driven by.
class RemoteStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(std::vector<channel::Address> nodes, const std::string& password = {}) {
    std::optional<Result<std::unique_ptr<Store>>> opened;
    RemoteOptions options;
    options.url = "test";
    options.nodes = std::move(nodes);
    options.password = password;
    options.patience = patience_;
    options.claim_slice = slice_;
    options.follows = follows_;
    open_remote(loop_, options, [&](Result<std::unique_ptr<Store>> result) { opened = std::move(result); });
    run_until([&] { return opened.has_value(); });
    return std::move(*opened);
  }

  Result<std::unique_ptr<Store>> open_following(std::vector<channel::Address> nodes) {
    follows_ = true;
    return open(std::move(nodes));
  }

  Result<job::Answer> apply(Store& store, job::Command command) {
    std::optional<Result<job::Answer>> answer;
    store.apply(std::move(command), [&](Result<job::Answer> result) { answer = std::move(result); });
    run_until([&] { return answer.has_value(); });
    return std::move(*answer);
  }

  template <class Condition>
  void run_until(Condition condition) {
    loop_.restart();
    while (!condition()) ASSERT_GT(loop_.run_one_for(std::chrono::seconds{20}), 0u) << "nothing happens any more";
  }

  static job::Add add(std::string body) {
    job::Add command;
    command.queue = "q";
    command.body = std::move(body);
    return command;
  }

  static job::Claim blocking(std::uint64_t ticket, std::uint32_t count = 1, bool fill = true) {
    job::Claim claim;
    claim.queues = {"q"};
    claim.count = count;
    claim.blocking = true;
    claim.fill = fill;
    claim.ticket = ticket;
    return claim;
  }

  async::Loop loop_;
  Millis patience_{10'000};
  Millis slice_{500};
  bool follows_ = false;
};

}  // namespace coworker::store::disque
