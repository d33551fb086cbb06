#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "channel/line_splitter.h"
#include "proc/child.h"

namespace coworker::worker {

/// A program that we exchange lines with. Usually beside its standard descriptors: it reads ours on its descriptor 3
/// and writes its own to descriptor 4, or to 3 when it is sent none. What it prints on its standard outputs comes as
/// lines, too.
///
/// Owned as proc::Child is; lives on the loop's thread.
class LineProcess : public std::enable_shared_from_this<LineProcess> {
 public:
  enum class Input : std::uint8_t {
    none,
    pipe,  // send()
    file,  // Options::file
  };
  struct Options {
    proc::ChildOptions child;  // of its launch, descriptors are set here, and so are on_start and on_output
    Input input = Input::none;
    Fd file;
    bool on_standard = false;        // lines go through its standard input and output; it prints to standard error only
    std::size_t longest = 64 << 20;  // bytes of a line that it writes
  };
  struct Events {
    std::function<void(pid_t)> on_start;                    // it executes, in this group; before any line
    std::function<void(std::string_view)> on_line;          // a line of its own; not after on_end
    std::function<void(std::string_view)> on_print;         // a line on its standard output or error; may be empty
    std::function<void()> on_too_long;                      // its line is too long; no other will be read
    std::function<void(Result<proc::Certificate>)> on_end;  // once: the group is dead, and all its lines were told
  };

  static std::shared_ptr<LineProcess> start(async::Loop& loop, Options options, Events events);

  /// Queues lines, ends included, that it may read.
  void send(std::string text);

  /// It reads the end of its input.
  void close_input() { writer_.close(); }

  /// As proc::Child::stop.
  void stop(proc::Killed why, Millis grace) {
    if (child_) child_->stop(why, grace);
  }

  /// 0: not known to run yet.
  pid_t pid() const noexcept { return child_ ? child_->pid() : 0; }

 private:
  using Stream = boost::asio::posix::stream_descriptor;

  LineProcess(async::Loop& loop, Options& options, Events events);
  Result<> open(proc::ChildOptions& child);
  void launch(Options options);
  void end_later(Error error);
  void read();
  bool take();
  void heard(std::string_view part);
  void write();
  void printed(std::string_view part, bool is_error);
  void ended(Result<proc::Certificate> end);

  async::Loop& loop_;
  Events events_;
  Input input_;
  bool on_standard_;
  Fd file_;
  Stream reader_;
  Stream writer_;
  Fd reply_end_;  // the process's ends, until it has them
  Fd request_end_;
  std::string outgoing_;
  std::size_t sent_ = 0;
  bool writing_ = false;
  bool garbled_ = false;
  channel::LineSplitter lines_;
  channel::LineSplitter out_lines_;
  channel::LineSplitter err_lines_;
  std::shared_ptr<proc::Child> child_;
};

}  // namespace coworker::worker
