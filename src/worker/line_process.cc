#include "worker/line_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>

namespace coworker::worker {
namespace {

constexpr std::size_t kLongestPrint = 64 * 1024;  // a longer line comes in pieces
constexpr std::size_t kPartBytes = 64 * 1024;
constexpr std::size_t kTurnBytes = 1 << 20;  // read at once; a pipe holds no more

/// Our end becomes `ours`, the process's `theirs`.
Result<> make_pipe(boost::asio::posix::stream_descriptor& ours, Fd& theirs, bool we_read) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "make a pipe");
  Fd own{ends[we_read ? 0 : 1]};
  theirs.reset(ends[we_read ? 1 : 0]);
  ::fcntl(own.get(), F_SETFL, O_NONBLOCK);
  boost::system::error_code error;
  ours.assign(own.get(), error);
  if (error) return fail(Errc::internal, "watch a pipe: " + error.message());
  own.release();
  return {};
}

}  // namespace

std::shared_ptr<LineProcess> LineProcess::start(async::Loop& loop, Options options, Events events) {
  std::shared_ptr<LineProcess> process{new LineProcess{loop, options, std::move(events)}};
  process->launch(std::move(options));
  return process;
}

LineProcess::LineProcess(async::Loop& loop, Options& options, Events events)
    : loop_{loop},
      events_{std::move(events)},
      input_{options.input},
      on_standard_{options.on_standard},
      file_{std::move(options.file)},
      reader_{loop},
      writer_{loop},
      lines_{options.longest},
      out_lines_{kLongestPrint},
      err_lines_{kLongestPrint} {}

Result<> LineProcess::open(proc::ChildOptions& child) {
  child.launch.fds.assign(on_standard_ ? 0 : 3, -1);
  if (input_ == Input::pipe) {
    if (Result<> made = make_pipe(writer_, request_end_, false); !made) return made;
    child.launch.fds.push_back(request_end_.get());
  } else if (input_ == Input::file) {
    child.launch.fds.push_back(file_.get());
  }
  if (Result<> made = make_pipe(reader_, reply_end_, true); !made) return made;
  child.launch.fds.push_back(reply_end_.get());
  return {};
}

void LineProcess::launch(Options options) {
  proc::ChildOptions& child = options.child;
  if (Result<> opened = open(child); !opened) return end_later(std::move(opened).error());
  // As long as the process may run this lives, whoever else lets go of it.
  const std::shared_ptr<LineProcess> self = shared_from_this();
  child.on_start = [self](pid_t pid) {
    self->reply_end_.reset();
    self->request_end_.reset();
    self->file_.reset();
    if (self->events_.on_start) self->events_.on_start(pid);
    // Not before: what it writes may be here before the news that it executes.
    self->read();
  };
  if (events_.on_print) {
    child.on_output = [self](std::string_view part, bool is_error) { self->printed(part, is_error); };
  }
  child_ = proc::Child::start(loop_, std::move(child),
                              [self](Result<proc::Certificate> end) { self->ended(std::move(end)); });
}

void LineProcess::end_later(Error error) {
  boost::asio::post(loop_, [self = shared_from_this(), error = std::move(error)]() mutable {
    self->ended(tl::unexpected{std::move(error)});
  });
}

void LineProcess::send(std::string text) {
  if (outgoing_.empty()) {
    outgoing_ = std::move(text);
  } else {
    outgoing_ += text;
  }
  if (!writing_) write();
}

void LineProcess::write() {
  writing_ = false;
  while (sent_ < outgoing_.size() && writer_.is_open()) {
    const ssize_t wrote = ::write(writer_.native_handle(), outgoing_.data() + sent_, outgoing_.size() - sent_);
    if (wrote >= 0) {
      sent_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      writing_ = true;
      writer_.async_wait(Stream::wait_write, [self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->write();
      });
      return;
    } else if (errno != EINTR) {
      // It does not read any more; what that means is known when it ends.
      break;
    }
  }
  outgoing_.clear();
  sent_ = 0;
}

void LineProcess::read() {
  // Waits, and reads itself, so that nothing read is still to be told when the process has ended.
  reader_.async_wait(Stream::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    if (!error && self->take()) self->read();
  });
}

/// Reads what is there, within reason; false at the end.
bool LineProcess::take() {
  std::array<char, kPartBytes> part;
  std::size_t total = 0;
  for (ssize_t got = 0; total < kTurnBytes; total += static_cast<std::size_t>(got)) {
    got = ::read(reader_.native_handle(), part.data(), part.size());
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    if (events_.on_print && child_) child_->take_output();
    heard({part.data(), static_cast<std::size_t>(got)});
    // A pipe gives all it has; what comes later is waited for.
    if (static_cast<std::size_t>(got) < part.size()) break;
  }
  return true;
}

void LineProcess::heard(std::string_view part) {
  if (garbled_ || lines_.feed(part, events_.on_line)) return;
  garbled_ = true;
  lines_.take_rest();
  if (events_.on_too_long) events_.on_too_long();
}

void LineProcess::printed(std::string_view part, bool is_error) {
  channel::LineSplitter& lines = is_error ? err_lines_ : out_lines_;
  while (!part.empty()) {
    const std::string_view piece = part.substr(0, kLongestPrint);
    part.remove_prefix(piece.size());
    if (lines.begun() + piece.size() > kLongestPrint) events_.on_print(lines.take_rest());
    lines.feed(piece, events_.on_print);
  }
}

void LineProcess::ended(Result<proc::Certificate> end) {
  reply_end_.reset();
  request_end_.reset();
  file_.reset();
  writer_.close();
  if (reader_.is_open()) {
    // All writers are dead, so what it holds is read in one go.
    take();
    reader_.close();
  }
  if (const std::string rest = lines_.take_rest(); !rest.empty()) events_.on_line(rest);
  for (channel::LineSplitter* lines : {&out_lines_, &err_lines_}) {
    if (const std::string rest = lines->take_rest(); !rest.empty() && events_.on_print) events_.on_print(rest);
  }
  // Both hold who holds them.
  child_.reset();
  const Events events = std::move(events_);
  events_ = {};
  events.on_end(std::move(end));
}

}  // namespace coworker::worker
