#include "store/disque/handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/build.h"
#include "channel/resp/number.h"
#include "store/disque/reply_fields.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

using Done = std::function<void(Result<Server>)>;

tl::unexpected<Error> denied(const Connection& connection, bool with_password) {
  return fail(Errc::denied, fmt::format("{} {}", to_string(connection.address()),
                                        with_password ? "does not accept the password"
                                                      : "wants a password (COWORKER_PASSWORD, or password_file: in the "
                                                        "configuration)"));
}

void ask_plain(const std::shared_ptr<Connection>& connection, bool with_password, Done done) {
  connection->send(
      RequestText{"HELLO"}.take(), [connection, with_password, done = std::move(done)](Result<const Reply*> reply) {
        if (!reply) return done(tl::unexpected{std::move(reply.error())});
        const Reply& hello = **reply;
        // These servers look whether a command exists before they look who asks.
        if (hello.error_code() == "NOAUTH") return done(denied(*connection, with_password));
        const bool is_disque = hello.type == Reply::Type::array && hello.elements.size() >= 2 &&
                               hello.elements[0].type == Reply::Type::integer;
        if (!is_disque) {
          return done(fail(Errc::unavailable, fmt::format("{} is neither a coworker broker nor a Disque server",
                                                          to_string(connection->address()))));
        }
        done(Server{&plain_dialect(), {}, {}, false});
      });
}

}  // namespace

void shake_hands(const std::shared_ptr<Connection>& connection, const std::string& password, Done done) {
  // A server without a password answers AUTH with an error; what counts is whether the next request is let in.
  if (!password.empty()) connection->send(RequestText{"AUTH"}.word(password).take(), [](const auto&) {});
  RequestText hello{"CW.HELLO"};
  hello.word("VERSION").word(version()).word("BUILD").word(build_id());
  connection->send(hello.take(), [connection, with_password = !password.empty(),
                                  done = std::move(done)](Result<const Reply*> reply) {
    if (!reply) return done(tl::unexpected{std::move(reply.error())});
    const Reply& answer = **reply;
    if (answer.error_code() == "NOAUTH") return done(denied(*connection, with_password));
    if (answer.is_error() && answer.error_code() != "ERR") return done(tl::unexpected{error_of(answer)});
    if (answer.is_error() || !is_fields(answer)) return ask_plain(connection, with_password, done);
    const Fields fields{answer};
    const std::string features = fields.text("features");
    done(Server{&broker_dialect(), capabilities_of(features), fields.text("session"), has_feature(features, "cancel")});
  });
}

void ask_nodes(const std::shared_ptr<Connection>& connection, std::function<void(Result<Hello>)> done) {
  connection->send(RequestText{"HELLO"}.take(), [done = std::move(done)](Result<const Reply*> reply) {
    if (!reply) return done(tl::unexpected{std::move(reply.error())});
    if ((*reply)->is_error()) return done(tl::unexpected{error_of(**reply)});
    const std::vector<Reply>& parts = (*reply)->elements;
    if ((*reply)->type != Reply::Type::array || parts.size() < 2) return done(unexpected_reply("HELLO"));
    Hello hello;
    hello.id = parts[1].text;
    for (std::size_t i = 2; i < parts.size(); ++i) {
      const std::vector<Reply>& fields = parts[i].elements;
      if (fields.size() < 4) return done(unexpected_reply("HELLO"));
      Hello::Peer& peer = hello.peers.emplace_back();
      peer.id = fields[0].text;
      peer.host = fields[1].text;
      // Numbers come as text.
      const auto number = [](const Reply& field) {
        return integer_of(field).value_or(channel::resp::parse_integer(field.text).value_or(0));
      };
      peer.port = static_cast<std::uint16_t>(std::clamp<std::int64_t>(number(fields[2]), 0, 0xffff));
      peer.priority = static_cast<int>(std::clamp<std::int64_t>(number(fields[3]), 1, 1'000));
    }
    done(std::move(hello));
  });
}

}  // namespace coworker::store::disque
