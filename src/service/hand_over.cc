#include "service/hand_over.h"

#include <sys/socket.h>

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <cerrno>
#include <exception>

#include "job/json_text.h"

namespace coworker::service {
namespace {

namespace json = boost::json;

constexpr std::size_t kMost = 64 * 1024;  // bytes of one

std::string text_of(const Inherited& inherited) {
  const Attempt& attempt = inherited.attempt;
  const Decision& decision = inherited.decision;
  // A reason may hold bytes of any kind.
  return json::serialize(json::object{{"id", job::to_string(attempt.job.id)},
                                      {"token", static_cast<std::uint64_t>(attempt.job.token)},
                                      {"queue", attempt.queue},
                                      {"retries", attempt.retries},
                                      {"crashes", attempt.crashes},
                                      {"at_most_once", attempt.at_most_once},
                                      {"expires", attempt.expires},
                                      {"crashed", inherited.crashed},
                                      {"reason", job::json_string(inherited.reason)},
                                      {"action", static_cast<int>(decision.action)},
                                      {"delay", decision.delay.count()},
                                      {"counted", decision.crashed},
                                      {"why", job::json_string(decision.reason)}});
}

std::string plain(const json::value& quoted) {
  return std::string{json::parse(quoted.as_string()).as_string()};
}

std::optional<Inherited> inherited_of(std::string_view text) {
  try {
    const json::object from = json::parse(text).as_object();
    const std::optional<job::JobId> id = job::parse_id(from.at("id").as_string());
    if (!id) return std::nullopt;
    Inherited out;
    out.attempt.job = {*id, static_cast<job::Token>(json::value_to<std::uint64_t>(from.at("token")))};
    out.attempt.queue = json::value_to<std::uint32_t>(from.at("queue"));
    out.attempt.retries = json::value_to<std::uint32_t>(from.at("retries"));
    out.attempt.crashes = json::value_to<std::uint32_t>(from.at("crashes"));
    out.attempt.at_most_once = from.at("at_most_once").as_bool();
    out.attempt.expires = json::value_to<std::int64_t>(from.at("expires"));
    out.crashed = from.at("crashed").as_bool();
    out.reason = plain(from.at("reason"));
    out.decision.action = static_cast<Decision::Action>(json::value_to<int>(from.at("action")));
    out.decision.delay = Millis{json::value_to<std::int64_t>(from.at("delay"))};
    out.decision.crashed = from.at("counted").as_bool();
    out.decision.reason = plain(from.at("why"));
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

Result<std::unique_ptr<HandOver>> HandOver::create() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) < 0) {
    return fail_errno(errno, "make the way for what dead consumers leave");
  }
  return std::unique_ptr<HandOver>{new HandOver{Fd{ends[0]}, Fd{ends[1]}}};
}

bool HandOver::give(const Inherited& inherited) const {
  const std::string text = text_of(inherited);
  return ::send(giving_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::optional<Inherited> HandOver::take(int taking_end) {
  std::string text(kMost, '\0');
  while (true) {
    const ssize_t size = ::recv(taking_end, text.data(), text.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::nullopt;
    if (auto inherited = inherited_of({text.data(), static_cast<std::size_t>(size)})) return inherited;
  }
}

}  // namespace coworker::service
