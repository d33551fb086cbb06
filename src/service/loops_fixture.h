#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "async/gate.h"
#include "proc/keeper.h"
#include "proc/program.h"
#include "service/loops.h"
#include "service/run.h"

/// For tests of Loops: real processes of this test program, under a real keeper.
namespace coworker::service {

/// One line of a NotingWorker.
struct Note {
  std::string name, text;
  int pid = 0;
  std::int64_t at = 0;  // microseconds
};

class LoopsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/loops_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    start_keeper();
    Loops::Setting setting;
    setting.environment = proc::own_environment();
    proc::set_variable(setting.environment, "LOOP_NOTES", folder_ + "/notes");
    proc::set_variable(setting.environment, "LOOP_WISH", folder_ + "/wish");
    setting.stop_grace = stop_grace_;
    setting.kill_grace = Millis{200};
    setting.keeper = [this] { return keeper_.get(); };
    setting.next_owner = [this] { return ++owners_; };
    Loops::Events events;
    events.on_over = [this] { over_ = true; };
    events.on_end = [this](const std::string& text) { end_ = text; };
    loops_ = std::make_unique<Loops>(loop_, std::move(setting), std::move(events));
  }

  void TearDown() override {
    stop();
    loops_.reset();
    keeper_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start_keeper() {
    proc::Launch launch;
    launch.program = proc::own_program().value();
    launch.argv = {"coworker", kKeeperWord};
    launch.environment = proc::own_environment();
    proc::Keeper::Events events;
    events.on_gone = [this](std::uint32_t owner, std::uint32_t) { loops_->on_gone(owner); };
    events.on_lost = [this] {
      keeper_.reset();
      start_keeper();
      loops_->on_keeper_lost();
    };
    Result<std::unique_ptr<proc::Keeper>> keeper = proc::Keeper::start(loop_, std::move(launch), std::move(events));
    ASSERT_TRUE(keeper) << keeper.error().message();
    keeper_ = std::move(*keeper);
  }

  static LoopConfig noting(const std::string& name, Millis looptime = Millis{20}) {
    LoopConfig config;
    config.name = config.id = config.logger = name;
    config.kind = LoopKind::inline_worker;
    config.worker = "noting";
    config.looptime = looptime;
    return config;
  }
  static LoopConfig command(const std::string& name, const std::string& shell, Millis looptime = Millis{20}) {
    LoopConfig config = noting(name, looptime);
    config.kind = LoopKind::command;
    config.command = {"/bin/sh", "-c", shell};
    return config;
  }

  void apply(const std::vector<LoopConfig>& configs) { loops_->apply(configs, log::Options{}); }
  void wish(const std::string& word) {
    std::ofstream{folder_ + "/wish.new"} << word;
    std::filesystem::rename(folder_ + "/wish.new", folder_ + "/wish");
  }

  /// Runs the loop until it is true; false when patience ends.
  template <class Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds{2});
    }
    return true;
  }

  /// What the task returns, once it does.
  template <class T>
  T wait(async::Task<T> task) {
    std::optional<T> result;
    async::asio::co_spawn(loop_, std::move(task),
                          [&result](const std::exception_ptr&, T value) { result.emplace(std::move(value)); });
    EXPECT_TRUE(until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  std::vector<Note> notes(const std::string& text = {}, const std::string& name = {}) const {
    std::vector<Note> found;
    std::ifstream file{folder_ + "/notes"};
    for (std::string line; std::getline(file, line);) {
      std::istringstream words{line};
      Note note;
      words >> note.name >> note.text >> note.pid >> note.at;
      if (note.at == 0 || (!text.empty() && note.text != text) || (!name.empty() && note.name != name)) continue;
      found.push_back(note);
    }
    return found;
  }
  bool rounds(std::size_t count, const std::string& name = {}) {
    return until([&] { return notes("round", name).size() >= count; });
  }
  /// As Note::at.
  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  LoopView view(const std::string& name) const { return loops_->find(name).value_or(LoopView{}); }
  bool phase(const std::string& name, worker::LoopPhase wanted) {
    return until([&] { return view(name).phase == wanted; });
  }
  bool stop() {
    loops_->stop(Millis{30'000});
    return until([&] { return over_; });
  }

  std::string folder_;
  async::Loop loop_;
  std::unique_ptr<proc::Keeper> keeper_;
  std::unique_ptr<Loops> loops_;
  Millis stop_grace_{10'000};
  std::uint32_t owners_ = 0;
  bool over_ = false;
  std::string end_;
};

}  // namespace coworker::service
