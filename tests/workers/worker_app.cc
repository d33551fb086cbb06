// A program with workers of its own, as a user writes it.
#include <coworker/app.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace {

/// What the environment's set-up returns; each one made leaves a line in the file `set-ups`.
struct Environment {
  int jobs = 0;
};

coworker::Outcome behave(const coworker::Job& job) {
  const std::string& body = job.body();
  std::puts("a stray print");
  job.progress(0.5, "half");
  job.log("a line");
  if (body == R"("throw")") throw std::runtime_error{"thrown"};
  if (body == R"("crash")") std::abort();
  if (body == R"("exit")") std::exit(3);
  if (body == R"("fail")") return coworker::Outcome::failed("no way");
  while (body == R"("wait")" && !job.stop().stop_requested()) ::usleep(1000);
  while (body == R"("hang")") ::pause();
  const char* id = std::getenv("COWORKER_JOB_ID");
  return coworker::Outcome::done(body + (id != nullptr && job.id() == id ? " with its id" : ""));
}

}  // namespace

int main(int argc, char** argv) {
  coworker::App app;
  app.worker("behave", behave);
  app.worker("nothing", [](const coworker::Job&) {});
  app.worker("no", [](const coworker::Job&) { return false; });
  app.environment([] {
    std::ofstream{"set-ups", std::ios::app} << ::getpid() << '\n';
    return Environment{};
  });
  app.factory<Environment>("made", [](Environment& environment, const std::string& name) {
    return [&environment, name](const coworker::Job&) { return name + " " + std::to_string(++environment.jobs); };
  });
  app.factory<int>("mistaken", [](int&, const std::string&) { return [](const coworker::Job&) {}; });
  return app.run(argc, argv);
}
