// A worker that squares and a shared one that counts. With no arguments this is their master; with a command of
// coworker's it is the coworker program with these two workers, which is how it starts them.
//
//     workers                                 squares 0 to 9 in a dedicated worker, then in a pool
//     workers shared start unix:/tmp/counter.sock --worker counter

#include <iostream>
#include <stdexcept>
#include <string>

#include "coworker/app.h"
#include "coworker/worker_factory.h"

namespace {

class Square : public coworker::RawWorker {
 public:
  void run(coworker::Channel& channel) override {
    while (auto message = channel.receive()) {
      const long n = std::stol(message->body());
      message->reply(std::to_string(n * n));
    }
  }
};

/// Answers each number with the sum of all that it was sent, by whomever.
class Counter : public coworker::EventedWorker {
 public:
  void on_message(coworker::Message& message, coworker::Connection&) override {
    sum_ += std::stol(message.body());
    ++messages_;
    message.reply(std::to_string(sum_));
  }

  coworker::Status on_query(bool is_privileged) override {
    coworker::Status status{"the sum is " + (is_privileged ? std::to_string(sum_) : std::string{"a secret"})};
    status.counters = {{"messages", static_cast<double>(messages_), "c", 0}, coworker::cpu_time_counter()};
    return status;
  }

 private:
  long sum_ = 0;
  long messages_ = 0;
};

template <class T>
T value_of(coworker::Answer<T> answer) {
  if (!answer) throw std::runtime_error{answer.message()};
  return std::move(*answer);
}

void square_numbers() {
  const coworker::WorkerFactory factory;
  auto worker = value_of(factory.create_worker("square"));
  for (int n = 0; n < 10; ++n) std::cout << value_of(worker.call(std::to_string(n))) << ' ';
  std::cout << '\n';

  auto pool = value_of(factory.create_pool("square"));
  int next = 0;
  int under_way = 0;
  for (const auto& each : pool) {
    value_of(each->send(std::to_string(next++)));
    ++under_way;
  }
  long sum = 0;
  for (; under_way > 0; --under_way) {
    const auto received = value_of(pool.receive());
    sum += std::stol(value_of(received.message));
    if (next >= 100) continue;
    value_of(pool[received.worker].send(std::to_string(next++)));
    ++under_way;
  }
  std::cout << "the squares of 0 to " << next - 1 << " add up to " << sum << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  coworker::App app;
  app.raw<Square>("square").evented<Counter>("counter");
  if (argc > 1) return app.run(argc, argv);
  try {
    square_numbers();
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
