#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <string>

#include "async/loop.h"
#include "net/rpc/directory.h"
#include "net/rpc/fake_backend.h"
#include "net/rpc/json_rpc.h"
#include "net/rpc/xml_rpc.h"

namespace coworker::net::rpc {

/// A directory over that system, to be asked in both protocols.
class RpcFixture : public testing::Test {
 protected:
  std::string json(std::string document) { return run(json_into(std::move(document))); }
  std::string xml(std::string document) { return run(xml_into(std::move(document))); }

  /// The call of a method without arguments, or with the XML of some.
  static std::string xml_call(const std::string& method, const std::string& values = {}) {
    return "<methodCall><methodName>" + method + "</methodName><params>" + values + "</params></methodCall>";
  }
  static std::string param(const std::string& value) { return "<param><value>" + value + "</value></param>"; }

  async::Loop loop_;
  FakeBackend backend_;
  Directory directory_{loop_, backend_};
  Caller caller_;

 private:
  std::string run(async::Task<std::string> task) {
    std::string answer;
    async::asio::co_spawn(loop_, std::move(task), [&answer](const std::exception_ptr& error, std::string text) {
      if (error) std::rethrow_exception(error);
      answer = std::move(text);
    });
    loop_.restart();
    loop_.run();
    return answer;
  }
  async::Task<std::string> json_into(std::string document) {
    const std::optional<std::string> text = co_await answer_json(directory_, std::move(document), caller_);
    co_return text.value_or("(none)");
  }
  async::Task<std::string> xml_into(std::string document) {
    std::string text = co_await answer_xml(directory_, std::move(document), caller_);
    co_return text;
  }
};

}  // namespace coworker::net::rpc
