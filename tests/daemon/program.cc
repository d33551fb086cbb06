#include <coworker/daemon.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

// A daemon for tests: what it does is told line by line in the file "trace", how it is told by variables.

namespace {

using std::chrono::milliseconds;

std::string variable(const std::string& name, const std::string& otherwise) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? otherwise : value;
}

milliseconds time(const std::string& name, int otherwise) {
  return milliseconds{std::stoi(variable(name, std::to_string(otherwise)))};
}

void trace(const std::string& line) {
  std::ofstream{"trace", std::ios::app} << line + "\n" << std::flush;
}

bool is_traced(const std::string& line) {
  std::ifstream file{"trace"};
  for (std::string each; std::getline(file, each);) {
    if (each == line) return true;
  }
  return false;
}

/// Waits until all that MEET names are leaving, too.
void meet() {
  std::istringstream names{variable("MEET", "")};
  for (std::string name; names >> name;) {
    while (!is_traced(name + " leaves")) std::this_thread::sleep_for(milliseconds{5});
  }
}

class Worker : public coworker::LoopWorker {
 public:
  void spinup() override {
    trace(name() + " spinup " + std::to_string(::getpid()));
    on("changename", [this](const std::string& to) {
      trace(name() + " becomes " + to);
      return to;
    });
  }
  void loop() override {
    trace(name() + " round");
    const auto end = std::chrono::steady_clock::now() + time("ROUND", 0);
    while (std::chrono::steady_clock::now() < end && !stop().stop_requested()) {
      std::this_thread::sleep_for(milliseconds{5});
    }
  }
  void spindown() override {
    trace(name() + " leaves");
    std::this_thread::sleep_for(time("SPINDOWN", 0));
    meet();
    trace(name() + " spindown");
  }
};

coworker::Value::Map keys() {
  coworker::Value::Map keys{{"description", "A daemon for tests"}};
  for (const char* name : {"sockethandler", "pidfile", "protocol", "tokenfile", "socketmode", "arguments", "logfile"}) {
    if (const std::string value = variable(name, ""); !value.empty()) keys[name] = value;
  }
  for (const char* name : {"socketbuffer", "sockettimeout", "socketmaxconnections", "niceness", "stopgrace"}) {
    if (const std::string value = variable(name, ""); !value.empty()) keys[name] = std::stoi(value);
  }
  return keys;
}

void listen(coworker::Daemon& daemon) {
  const auto tell = [](const coworker::DaemonEvent& event) { trace("event " + event.name); };
  for (const char* name : {"SIGHUP", "1", "SIGUSR1", "10", "SIGUSR2", "12", "SIGTERM", "SIGCHLD"}) {
    daemon.listen(std::string{"daemon.posix."} + name, tell);
  }
  daemon.listen("daemon.socket.client.connect", tell);
  daemon.listen("daemon.socket.client.hangup", tell);
  daemon.listen_once("daemon.worker.loopstart", tell);
  daemon.listen("daemon.worker.changename", tell);
  daemon.listen("daemon.worker.only-heard", tell);
}

}  // namespace

int main(int argc, char** argv) try {
  coworker::Daemon daemon{keys()};
  const bool forever = variable("FOREVER", "1") == "1";
  daemon.install<Worker>("W", time("LOOPTIME", 100), forever);
  if (variable("SECOND", "") != "") daemon.install<Worker>(variable("SECOND", ""), time("LOOPTIME", 100), true);
  listen(daemon);
  daemon.setup([](coworker::Daemon& self) {
    trace("setup " + std::to_string(::getpid()));
    if (variable("SETUP", "") == "throw") throw std::runtime_error{"it cannot be set up"};
    self.methods().add("examples.echo", "Says it back", {"text"}, [](const std::string& text) { return text; });
    self.methods().add("examples.slow", "Takes its time", {"milliseconds"}, [](std::int64_t length) {
      trace("slow begins");
      std::this_thread::sleep_for(milliseconds{length});
      return true;
    });
    self.methods().add("examples.rename", "Tells W another name", {"name"},
                       [&self](const std::string& name) { return self.send("W", "changename", '"' + name + '"'); });
    self.methods().add("examples.heard", "A word that only a listener knows", {},
                       [&self] { return self.send("W", "only-heard"); });
  });
  return daemon.run(argc, argv);
} catch (const std::invalid_argument& mistake) {
  std::fputs((std::string{"mistake: "} + mistake.what() + "\n").c_str(), stderr);
  return 3;
}
