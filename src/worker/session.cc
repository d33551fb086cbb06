#include "worker/session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "worker/raw_channel.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kLongestRead = 1 << 20;
constexpr std::size_t kTurnBytes = 512 * 1024;  // of one master, before the others get their turn
constexpr std::size_t kFull = 1 << 20;          // unsent bytes, before nothing more is read

void open(boost::asio::posix::stream_descriptor& stream, Fd fd) {
  if (!fd) return;
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  boost::system::error_code error;
  stream.assign(fd.get(), error);
  if (!error) fd.release();
}

}  // namespace

Session::Session(Server& server, Fd in, Fd out, bool is_shared)
    : server_{server},
      in_{server.loop_.state().loop},
      out_{server.loop_.state().loop},
      stream_{server.options_.limits} {
  dialect = is_shared ? Dialect::shared : Dialect::none;
  open(in_, std::move(in));
  open(out_, std::move(out));
}

void Session::start(bool is_announced) {
  if (is_announced) greet();
  read();
}

void Session::greet() {
  dialect = Dialect::full;
  put(own_hello());
}

// ---- hearing ------------------------------------------------------------------------------------

void Session::read() {
  if (is_reading_ || is_over_ || is_at_end_ || is_closing_ || outgoing_.size() - sent_ > kFull) return;
  is_reading_ = true;
  const auto self = shared_from_this();
  if (has_more_) {
    boost::asio::post(server_.loop_.state().loop, [self] {
      self->is_reading_ = false;
      self->take();
      self->read();
    });
    return;
  }
  in_.async_wait(Stream::wait_read, [self](boost::system::error_code error) {
    self->is_reading_ = false;
    if (error) return;
    self->take();
    self->read();
  });
}

/// Reads what is there, within reason, and handles it.
void Session::take() {
  has_more_ = false;
  for (std::size_t total = 0; !is_over_ && !is_closing_ && !is_at_end_;) {
    const std::span<char> room = stream_.room(std::clamp(stream_.pending(), kReadBytes, kLongestRead));
    const ssize_t got = ::read(in_.native_handle(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    is_at_end_ = got <= 0;
    if (got > 0) stream_.filled(static_cast<std::size_t>(got));
    if (dialect != Dialect::full && stream_.head() == kAnnouncement) greet();
    is_hearing_ = true;
    const bool goes_on = hear_all(is_at_end_);
    is_hearing_ = false;
    if (!is_over_ && !is_writing_) write();
    if (!goes_on) return;
    if (is_at_end_) return close();
    total += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    // A read that left room has taken all; the next turn finds out when there is more.
    if (static_cast<std::size_t>(got) < room.size()) return;
    has_more_ = total >= kTurnBytes || outgoing_.size() - sent_ > kFull;
    if (has_more_) return;
  }
}

/// False: nothing more is to be heard.
bool Session::hear_all(bool is_last) {
  for (;;) {
    const Result<std::optional<std::string_view>> text = is_last ? stream_.last() : stream_.next();
    if (!text) return refuse(text.error()), false;
    if (!*text) return true;
    Result<Said> said = parse_message(**text, dialect);
    if (!said) return refuse(said.error()), false;
    hear(std::move(*said));
    if (is_over_ || is_closing_) return false;
  }
}

void Session::hear(Said said) {
  if (auto* request = std::get_if<RequestMessage>(&said)) {
    server_.handle(*this, std::move(request->body), requests_.open(weak_from_this(), request->id));
  } else if (const auto* cancelled = std::get_if<CancelMessage>(&said)) {
    requests_.cancel(cancelled->id);
  } else {
    server_.heard(*this, std::move(said));
  }
}

void Session::refuse(const Error& error) {
  const bool is_large = error.code() == Errc::resource_exhausted;
  put(FaultMessage{std::nullopt, is_large ? kTooLarge : kGarbage, error.message()});
  close();
}

// ---- saying -------------------------------------------------------------------------------------

bool Session::put(const Said& said) {
  if (is_over_ || is_closing_) return false;
  const auto* message = std::get_if<ApplicationMessage>(&said);
  outgoing_ += message != nullptr ? message->body : to_json(said);
  outgoing_ += '\n';
  // While many messages are heard at once, their answers leave together.
  if (!is_writing_ && !is_hearing_) write();
  return !is_over_;
}

void Session::write() {
  while (sent_ < outgoing_.size() && !is_over_) {
    const ssize_t wrote = ::write(out().native_handle(), outgoing_.data() + sent_, outgoing_.size() - sent_);
    if (wrote >= 0) {
      sent_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      if (is_writing_) return;
      is_writing_ = true;
      out().async_wait(Stream::wait_write, [self = shared_from_this()](boost::system::error_code error) {
        self->is_writing_ = false;
        if (error) return;
        self->write();
        self->read();
      });
      return;
    } else if (errno != EINTR) {
      return abort();
    }
  }
  outgoing_.clear();
  sent_ = 0;
  if (is_closing_) abort();
}

void Session::close() {
  if (is_over_ || is_closing_) return;
  is_closing_ = true;
  if (outgoing_.empty()) return abort();
  if (!is_writing_ && !is_hearing_) write();
}

void Session::abort() {
  if (is_over_) return;
  is_over_ = true;
  const std::shared_ptr<Session> self = shared_from_this();
  // Not within the handler that may be running.
  boost::asio::post(server_.loop_.state().loop, [self] {
    self->in_.close();
    if (self->out_.is_open()) self->out_.close();
    self->server_.left(self);
  });
}

}  // namespace coworker::worker
