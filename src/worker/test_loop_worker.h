#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "coworker/loop_worker.h"

/// For tests: writes what happens to it to the file that LOOP_NOTES names, and does what the file LOOP_WISH says.
namespace coworker {

class NotingWorker : public LoopWorker {
 public:
  void spinup() override {
    note("spinup");
    if (wish() == "refuse") throw std::runtime_error{"no spinup today"};
    on("echo", [](const std::string& arguments) { return arguments; });
    on("note", [this](const std::string& arguments) {
      note(arguments);
      return std::string{};
    });
    on("fail", [](const std::string&) -> std::string { throw std::runtime_error{"no way"}; });
    on("pause", [this](const std::string&) { return note("paused"), std::string{}; });
    on("die", [](const std::string&) -> std::string { std::_Exit(7); });
  }

  void loop() override {
    note("round");
    const std::string wish = this->wish();
    if (wish == "throw") throw std::runtime_error{"thrown"};
    if (wish == "exit") std::_Exit(3);
    while (this->wish() == "hang") std::this_thread::sleep_for(std::chrono::milliseconds{1});
    while (this->wish() == "beat") {
      beat();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    while (this->wish() == "busy" && !stop().stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }

  void spindown() override { note("spindown"); }

 private:
  std::string variable(const char* key) const {
    const char* value = std::getenv(key);
    return value == nullptr ? "" : value;
  }
  std::string wish() const {
    std::ifstream file{variable("LOOP_WISH")};
    std::string word;
    file >> word;
    return word;
  }
  void note(const std::string& text) {
    std::FILE* file = std::fopen(variable("LOOP_NOTES").c_str(), "a");
    if (file == nullptr) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    std::fprintf(file, "%s %s %d %lld\n", name().c_str(), text.c_str(), static_cast<int>(::getpid()),
                 static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
    std::fclose(file);
  }
};

}  // namespace coworker
