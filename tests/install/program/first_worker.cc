#include <coworker/app.h>

int main(int argc, char** argv) {
  coworker::App app;
  app.worker("mail", [](const coworker::Job& job) { return "sent " + job.body(); });
  return app.run(argc, argv);
}
