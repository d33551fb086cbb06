#include <coworker/app.h>

#include <filesystem>
#include <string>

// A loop worker in C++: every ten seconds it copies the files of one folder to another that are not there yet, or are
// older there.
//
//     ./copier run                      copies until it is stopped
//     ./copier worker list              how it does
namespace {

namespace fs = std::filesystem;

class Copier : public coworker::LoopWorker {
 public:
  Copier(std::string from, std::string to) : from_{std::move(from)}, to_{std::move(to)} {
    // A command of our own: {"from": …} is not needed, a text will do. The reply says how many were copied since.
    on("count", [this](const std::string&) { return std::to_string(copied_); });
  }

  void spinup() override { fs::create_directories(to_); }

  void loop() override {
    for (const fs::directory_entry& entry : fs::directory_iterator{from_}) {
      if (stop().stop_requested()) return;
      if (!entry.is_regular_file()) continue;
      if (fs::copy_file(entry.path(), to_ / entry.path().filename(), fs::copy_options::update_existing)) ++copied_;
      beat();
    }
  }

 private:
  fs::path from_;
  fs::path to_;
  int copied_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  coworker::App app;
  app.loop_worker<Copier>("copier", {.looptime = std::chrono::seconds{10}, .forever = true}, "from", "to");
  return app.run(argc, argv);
}
