#include <coworker/daemon.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

// A daemon that copies new files from one folder to another every second, and lets its callers choose the other one.
//
//     FROM=inbox TO=copies ./copier -d       in the background: copier.pid, copier.sock, copier.log
//     ./copier -f -v                         here, with its log
//
// Its socket takes the calls of every coworker daemon (worker.status, worker.pause, daemon.shutdown …), and
// copier.into(folder).

namespace {

namespace fs = std::filesystem;

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

class Copier : public coworker::LoopWorker {
 public:
  Copier(std::string from, std::string into) : from_{std::move(from)}, into_{std::move(into)} {
    // Called between two rounds, so nothing has to be locked.
    on("into", [this](const std::string& folder) {
      into_ = folder.substr(1, folder.size() - 2);  // a JSON text
      fs::create_directories(into_);
      return folder;
    });
  }

  void spinup() override {
    fs::create_directories(from_);
    fs::create_directories(into_);
  }

  // What it throws is a failed round: logged, counted, and the next one comes in its time.
  void loop() override {
    for (const fs::directory_entry& file : fs::directory_iterator{from_}) {
      if (stop().stop_requested()) return;
      if (file.is_regular_file()) {
        fs::copy_file(file, into_ / file.path().filename(), fs::copy_options::skip_existing);
      }
    }
  }

 private:
  fs::path from_;
  fs::path into_;
};

}  // namespace

int main(int argc, char** argv) {
  coworker::Daemon daemon{
      {{"description", "Copies new files"}, {"sockethandler", "unix://copier.sock"}, {"pidfile", "copier.pid"}}};
  daemon.install<Copier>("copier", std::chrono::seconds{1}, true, variable("FROM", "inbox"), variable("TO", "copies"));
  daemon.methods().add("copier.into", "Copies into another folder from now on", {"folder"},
                       [&daemon](const std::string& folder) {
                         if (folder.empty() || folder.find_first_of("\"\\") != std::string::npos) {
                           throw coworker::MethodFault{1, "that is no name for a folder"};
                         }
                         daemon.send("copier", "into", '"' + folder + '"');
                         return true;
                       });
  return daemon.run(argc, argv);
}
