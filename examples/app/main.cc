#include <coworker/app.h>
#include <coworker/producer.h>

#include <iostream>
#include <string>

// A program that is coworker with two workers of its own: all commands of `coworker` are commands of it, and
//
//     ./app run            runs its workers in the background (its queues are named like them)
//     ./app add greet 1    adds a job
//     ./app now BODY       is a command of this program: runs a job at once, without a store
//     ./app later BODY     … and this one adds it from C++
int main(int argc, char** argv) {
  coworker::App app;
  app.worker("greet", [](const coworker::Job& job) { return "hello " + job.body(); });
  app.worker("refuse", [](const coworker::Job&) { return coworker::Outcome::failed("not today"); });

  const std::string command = argc == 3 ? argv[1] : "";
  if (command == "now") {
    const coworker::Outcome outcome = app.process("greet", argv[2]);
    std::cout << outcome.text() << '\n';
    return outcome.is_done() ? 0 : 1;
  }
  if (command == "later") {
    coworker::Producer producer{"file:./coworker-data"};
    const coworker::Added added = producer.add("greet", argv[2]);
    std::cout << (added ? added.id() : added.message()) << '\n';
    return added ? 0 : 1;
  }
  return app.run(argc, argv);
}
