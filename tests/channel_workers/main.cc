#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "coworker/app.h"

// The workers that the tests start, which is this program again.
namespace {

using coworker::Answer;
using coworker::Channel;
using coworker::Connection;
using coworker::Loop;
using coworker::Message;

struct Square : coworker::RawWorker {
  void run(Channel& channel) override {
    while (Answer<Message> message = channel.receive()) {
      const long n = std::stol(message->body());
      std::puts("this is a stray print");
      std::fflush(stdout);
      message->reply(std::to_string(n * n));
    }
  }
};

struct Echo : coworker::RawWorker {
  void run(Channel& channel) override {
    while (Answer<Message> message = channel.receive()) message->reply(message->body());
  }
};

struct EventedEcho : coworker::EventedWorker {
  void on_message(Message& message, Connection&) override { message.reply(message.body()); }
};

/// Appends the name of each callback to the file that its arguments name.
struct Order : coworker::EventedWorker {
  explicit Order(std::string arguments) : file{arguments.substr(1, arguments.size() - 2)} {}
  ~Order() override { say("~"); }
  void say(const std::string& word) {
    std::FILE* out = std::fopen(file.c_str(), "a");
    std::fputs((word + "\n").c_str(), out);
    std::fclose(out);
  }
  void set_loop(Loop&) override { say("set_loop"); }
  void initialize() override { say("initialize"); }
  void on_connect(Connection& connection) override { say("on_connect peer=" + connection.peer().address); }
  void on_message(Message& message, Connection&) override {
    say("on_message " + message.body());
    message.reply("true");
  }
  void on_disconnect(Connection&) override { say("on_disconnect"); }
  void terminate() override { say("terminate"); }
  std::string file;
};

/// Ignores the end of its input, and SIGTERM if its arguments are true.
struct Stubborn : coworker::RawWorker {
  explicit Stubborn(std::string arguments) : is_deaf{arguments == "true"} {}
  void run(Channel& channel) override {
    if (is_deaf) std::signal(SIGTERM, SIG_IGN);
    static_cast<void>(channel.send("\"ready\""));
    for (;;) ::pause();
  }
  bool is_deaf;
};

/// What it is told to do, by word.
struct Moody : coworker::EventedWorker {
  void set_loop(Loop& given) override { loop = &given; }
  void on_message(Message& message, Connection& connection) override {
    const std::string& body = message.body();
    if (body == "\"throw\"") throw std::runtime_error{"no mood for this"};
    if (body == "\"fault\"") message.fail("mine", "my own reason");
    if (body == "\"silence\"") return;
    if (body == "\"later\"") {
      kept.push_back(message);
      return;
    }
    if (body == "\"progress and later\"") {
      message.progress("0");
      kept.push_back(message);
      return;
    }
    if (body == "\"cancelled?\"") {
      const auto count =
          std::count_if(kept.begin(), kept.end(), [](const Message& each) { return each.is_cancelled(); });
      message.reply(std::to_string(count));
      return;
    }
    if (body == "\"kept\"") {
      for (const Message& each : kept) each.reply("\"late\"");
      kept.clear();
    }
    if (body == "\"progress\"") {
      message.progress("1");
      message.progress("2");
    }
    if (body == "\"extra\"") connection.send("\"an extra message\"");
    if (body == "\"garbage\"") ::_exit(7);
    message.reply("\"done\"");
  }
  Loop* loop = nullptr;
  std::vector<Message> kept;
};

/// A shared worker that tells all that happens to it to the file that its arguments name.
struct Counting : Order {
  using Order::Order;
  void set_loop(Loop& given) override {
    loop = &given;
    timer = loop->every(std::chrono::hours{1}, [] {});
  }
  void initialize() override {}
  void on_connect(Connection&) override {}
  void on_disconnect(Connection&) override {}
  void on_message(Message& message, Connection& connection) override {
    if (message.body() == "\"throw\"") throw std::runtime_error{"no mood for this"};
    has_no_status = message.body() == "\"no status\"";
    if (message.body() == "\"peer\"") {
      message.reply(std::to_string(connection.peer().pid.value_or(0)));
    } else if (message.body() == "\"certificate\"") {
      message.reply("\"" + connection.peer().certificate + "\"");
    } else if (message.body() == "\"stop listening\"") {
      loop->cancel(timer);
      loop->stop_listening();
      message.reply("true");
    } else {
      ++served;
      message.reply(message.body());
    }
  }
  coworker::Status on_query(bool is_privileged) override {
    say(is_privileged ? "query true" : "query false");
    if (std::exchange(has_no_status, false)) throw std::runtime_error{"no idea how I am"};
    return {"served " + std::to_string(served),
            {{"served", static_cast<double>(served), "c", 0, 100}, coworker::memory_counter()}};
  }
  void on_stop() override {
    const char* socket = std::getenv("TEST_SOCKET");
    say(socket != nullptr && ::access(socket, F_OK) == 0 ? "stop, socket there" : "stop, socket gone");
    loop->cancel(timer);
  }
  Loop* loop = nullptr;
  Loop::Id timer = 0;
  long served = 0;
  bool has_no_status = false;
};

struct Broken : coworker::RawWorker {
  Broken() { throw std::runtime_error{"cannot be made"}; }
  void run(Channel&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word == "dedicated-worker" && std::getenv("TEST_FORGETS") != nullptr) {
    // A main() that knows nothing of App::run: it ends, or goes on with its own business.
    if (std::string{std::getenv("TEST_FORGETS")} == "stays") ::pause();
    return 0;
  }
  coworker::App app;
  app.raw<Square>("square").raw<Echo>("echo").raw<Stubborn>("stubborn").raw<Broken>("broken");
  app.evented<EventedEcho>("evented-echo").evented<Order>("order").evented<Moody>("moody");
  app.evented<Counting>("counting");
  app.at(coworker::Stage::after_construction, [](const std::string& name) {
    if (std::getenv("TEST_HOOK") != nullptr) throw std::runtime_error{"hook of " + name};
  });
  if (word.ends_with("-worker")) return app.run(argc, argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
