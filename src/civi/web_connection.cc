#include "civi/web_connection.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "base/log.h"
#include "civi/version.h"
#include "civi/web_api.h"
#include "worker/proxy.h"

namespace coworker::civi {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using Kind = Reply::Kind;

/// A claim and a run go to a connection that was used just now: servers close idle ones, the usual ones after five
/// seconds at the earliest, and what is sent at that moment is lost.
constexpr Millis kFresh{4'000};

Reply stopped() {
  return Reply::failed(Kind::unsent, Errc::unavailable, "the connection is closed");
}

std::int64_t number_of(const json::value& record, std::string_view name) {
  const json::object* object = record.if_object();
  const json::value* value = object == nullptr ? nullptr : object->if_contains(name);
  if (value == nullptr) return 0;
  if (const std::int64_t* number = value->if_int64()) return *number;
  const json::string* text = value->if_string();
  return text == nullptr ? 0 : std::strtoll(text->c_str(), nullptr, 10);
}

const json::value* first_of(const Reply& reply) {
  const json::array* list = reply.values.if_array();
  return reply.ok() && list != nullptr && !list->empty() ? &list->front() : nullptr;
}

std::string name_of(const Identity& identity) {
  if (identity.contact == 0) return "a contact that the site does not tell";
  if (identity.domain == 0) return fmt::format("contact {}", identity.contact);
  return fmt::format("contact {} of domain {}", identity.contact, identity.domain);
}

void tell_noise(const std::string& noise, const std::string& what,
                const std::function<void(const std::string&)>& on_print) {
  for (std::size_t at = 0; at < noise.size();) {
    const std::size_t end = std::min(noise.find('\n', at), noise.size());
    const std::string line = noise.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line == "\r") continue;
    if (on_print) {
      on_print(line);
    } else {
      log::warning(fmt::format("{}: printed beside the answer: {}", what, line));
    }
  }
}

}  // namespace

struct WebConnection::Open {
  explicit Open(async::Loop& loop) : answered{loop.get_executor()} {}

  worker::HttpTransfers::Id id = 0;
  worker::HttpResponse response;
  async::Event answered;
};

struct WebConnection::Question {
  Question(std::string entity_, std::string action_, json::object params_)
      : entity{std::move(entity_)}, action{std::move(action_)}, params{std::move(params_)} {}

  std::string entity;
  std::string action;
  json::object params;
  Millis timeout{0};
  std::function<void(const std::string&)> on_print{};
};

Result<std::unique_ptr<Connection>> WebConnection::make(async::Loop& loop, Options options) {
  const Result<const worker::Curl*> curl = worker::Curl::load();
  if (!curl) return tl::unexpected{curl.error()};
  const WebAddress& address = options.address;
  const auto proxy = worker::proxy_for(address.url, ::getenv);
  if (proxy) log::info(fmt::format("{}: by way of the proxy {}", address.shown, proxy->shown()));
  const bool is_clear = address.is_clear || (proxy && address.url.starts_with("http:"));
  if (is_clear && !address.credential.empty()) {
    log::warning(fmt::format("{}: the credential is sent in clear; use https", address.shown));
  }
  auto transfers = std::make_unique<worker::HttpTransfers>(loop, **curl);
  return std::unique_ptr<Connection>{new WebConnection{loop, std::move(options), std::move(transfers)}};
}

WebConnection::WebConnection(async::Loop& loop, Options options, std::unique_ptr<worker::HttpTransfers> transfers)
    : loop_{loop},
      options_{std::move(options)},
      transfers_{std::move(transfers)},
      protocol_{options_.protocol},
      freed_{loop.get_executor()},
      broken_{loop.get_executor()},
      finished_{loop.get_executor()},
      knowing_{loop.get_executor()} {
  site_.address = options_.address.shown;
  knowing_.set();
  finished_.set();
}

WebConnection::~WebConnection() = default;

std::size_t WebConnection::free_slots() const {
  return closing_ || tasks_ >= options_.count ? 0 : options_.count - tasks_;
}

Millis WebConnection::asked_pause() const {
  return std::max(std::chrono::ceil<Millis>(rest_until_ - Clock::now()), Millis{0});
}

// Before the site has said who we are there, the call itself finds out.
Result<> WebConnection::check_identity(const Identity& identity) const {
  if (!is_known_) return {};
  const bool is_own = identity.is_nobody() || (own_.contact != 0 && identity.contact == own_.contact);
  const bool is_here = identity.domain == 0 || own_.domain == 0 || identity.domain == own_.domain;
  if (is_own && is_here) return {};
  return fail(Errc::denied,
              fmt::format("it must run as {}, and over HTTP everything runs as {}: use --pipe for such tasks",
                          name_of(identity), name_of(own_)));
}

// ---- slots --------------------------------------------------------------------------------------

// Questions do not wait for tasks: who asks whether there are any would wait for their end.
async::Task<Reply> WebConnection::enter(bool is_task) {
  while (!closing_ && is_task && tasks_ >= options_.count) {
    freed_.reset();
    co_await freed_.wait();
  }
  if (closing_) co_return stopped();
  if (is_task) ++tasks_;
  ++calls_;
  finished_.reset();
  co_return Reply{};
}

void WebConnection::leave(bool is_task) {
  if (is_task) {
    --tasks_;
    freed_.set();
  }
  if (--calls_ == 0) finished_.set();
}

async::Task<Reply> WebConnection::call(Call call) {
  const bool is_task = !call.name.empty();
  Reply ready = co_await enter(is_task);
  if (!ready.ok()) co_return ready;
  ready = co_await ensure_known();
  if (ready.ok()) {
    if (const Result<> allowed = check_identity(call.identity); !allowed) {
      ready = Reply::failed(Kind::unsent, Errc::denied, allowed.error().message());
    }
  }
  if (ready.ok()) {
    if (call.on_start) call.on_start(0);
    Question question{std::move(call.entity), std::move(call.action), std::move(call.params)};
    question.timeout = call.timeout;
    question.on_print = std::move(call.on_print);
    const WebAnswer answer = co_await ask(std::move(question));
    ready = answer.reply;
  }
  leave(is_task);
  co_return ready;
}

async::Task<Result<Site>> WebConnection::open() {
  Reply ready = co_await enter(false);
  if (ready.ok()) {
    ready = co_await ensure_known();
    leave(false);
  }
  if (!ready.ok()) co_return fail(ready.code, fmt::format("{}: {}", site_.address, ready.reason));
  co_return site_;
}

async::Task<> WebConnection::close(Millis grace) {
  closing_ = true;
  freed_.set();
  const bool in_time = co_await finished_.wait_for(grace);
  if (!in_time) {
    break_off();
    co_await finished_.wait();
  }
}

void WebConnection::break_off() {
  broken_.set();
  for (const std::shared_ptr<Open>& open : open_) {
    transfers_->cancel(open->id);
    open->response.sent = true;
    open->response.error = "stopped by us";
    open->answered.set();
  }
}

// ---- what the site is ---------------------------------------------------------------------------

async::Task<Reply> WebConnection::ensure_known() {
  // Who waits while another finds out shares what that one finds.
  const bool is_first = knowing_.is_set();
  if (is_known_) co_return Reply{};
  if (!is_first) {
    co_await knowing_.wait();
    co_return is_known_ ? Reply{} : trouble_;
  }
  knowing_.reset();
  trouble_ = co_await find_out();
  is_known_ = trouble_.ok();
  knowing_.set();
  co_return trouble_;
}

async::Task<Reply> WebConnection::find_out() {
  Reply found = co_await find_end_point();
  if (!found.ok()) co_return found;
  found = check_version();
  if (!found.ok()) co_return found;
  co_await find_contact();
  // Without a queue nothing is claimed; but first the site looks whether we may.
  const Question question{"Queue", "claimItems", {}};
  const WebAnswer allowed = co_await ask(question);
  if (!allowed.reply.ok() && allowed.reply.kind != Kind::refused) co_return allowed.reply;
  site_.greeting = fmt::format("{} as {}", protocol_ == Protocol::json_rpc ? "JSON-RPC" : "APIv4", name_of(own_));
  co_return Reply{};
}

async::Task<Reply> WebConnection::find_end_point() {
  const json::object params{{"select", json::array{"id", "version"}}, {"currentDomain", true}};
  const Question question{"Domain", "get", params};
  if (options_.protocol == Protocol::automatic) protocol_ = Protocol::api4;
  const auto begin = Clock::now();
  WebAnswer answer = co_await ask(question);
  const bool is_other = answer.status > 0 && answer.status < 500 && answer.status != 429 && !answer.is_api;
  if (is_other && options_.protocol == Protocol::automatic) {
    protocol_ = Protocol::json_rpc;
    WebAnswer second = co_await ask(question);
    if (second.is_api) answer = std::move(second);
  }
  site_.latency = std::chrono::duration_cast<Millis>(Clock::now() - begin);
  // Who may run tasks need not be allowed to see domains.
  if (!answer.is_api || answer.status == 401) co_return answer.reply;
  if (const json::value* domain = first_of(answer.reply)) {
    own_.domain = number_of(*domain, "id");
    site_.domain = own_.domain;
    const json::value* version = domain->if_object() ? domain->get_object().if_contains("version") : nullptr;
    if (version != nullptr && version->is_string()) site_.version = version->get_string();
  }
  co_return Reply{};
}

Reply WebConnection::check_version() const {
  if (options_.minimum_version.empty() || site_.version.empty() ||
      is_at_least(site_.version, options_.minimum_version)) {
    return {};
  }
  return Reply::failed(Kind::unsent, Errc::invalid_argument,
                       fmt::format("CiviCRM {} is older than {}", site_.version, options_.minimum_version));
}

async::Task<> WebConnection::find_contact() {
  json::array self;
  self.push_back(json::array{"id", "=", "user_contact_id"});
  const Question question{"Contact", "get", json::object{{"select", json::array{"id"}}, {"where", self}}};
  const WebAnswer answer = co_await ask(question);
  if (const json::value* contact = first_of(answer.reply)) own_.contact = number_of(*contact, "id");
}

// ---- requests -----------------------------------------------------------------------------------

async::Task<WebAnswer> WebConnection::ask(Question question) {
  const std::string what = question.entity + "." + question.action;
  const bool reads = only_reads(question.action);
  const auto end = Clock::now() + (question.timeout > Millis{0} ? question.timeout : options_.timeout);
  Pauses pauses{kRepetitions};
  for (std::uint32_t repetition = 1;; ++repetition) {
    worker::HttpResponse response;
    const Millis left = std::max(std::chrono::ceil<Millis>(end - Clock::now()), Millis{1});
    WebAnswer answer = co_await ask_once(question, left, response);
    tell_noise(answer.noise, what, question.on_print);
    if (answer.reply.ok() || repetition > options_.repetitions || !may_repeat(response, answer.reply, reads)) {
      co_return answer;
    }
    const Millis delay = std::max(pauses.next(), civi::asked_pause(response));
    if (Clock::now() + delay >= end) co_return answer;
    log::warning(fmt::format("{}: {}: {}; again in {} ms", site_.address, what, answer.reply.reason, delay.count()));
    const bool is_over = co_await broken_.wait_for(delay);
    if (is_over) co_return answer;
  }
}

async::Task<WebAnswer> WebConnection::ask_once(const Question& question, Millis limit, worker::HttpResponse& response) {
  if (broken_.is_set()) co_return WebAnswer{stopped()};
  const bool is_rpc = protocol_ == Protocol::json_rpc;
  const std::uint64_t id = ++last_id_;
  worker::HttpRequest request =
      is_rpc ? rpc_request(options_.address, id, "api4",
                           json::array{json::string{question.entity}, json::string{question.action}, question.params})
             : api_request(options_.address, question.entity, question.action, question.params);
  request.response_limit = options_.answer_limit;
  request.ca_file = options_.authorities;
  request.connect_limit = options_.connect_limit;
  request.limit = limit;
  if (!only_reads(question.action)) {
    request.idle_limit = kFresh;
    request.alone = closes_unsaid_;
  }
  response = co_await transfer(std::move(request));
  if (response.outlived) learn_closing();
  if (response.status > 0) rest_until_ = Clock::now() + civi::asked_pause(response);
  co_return is_rpc ? rpc_answer(response, options_.address, id) : api_answer(response, options_.address);
}

/// What is sent just when the other side closes is lost; it may do so again.
void WebConnection::learn_closing() {
  if (closes_unsaid_ || broken_.is_set()) return;
  closes_unsaid_ = true;
  log::warning(
      fmt::format("{}: it closes connections that are kept; what must not be sent twice gets new ones", site_.address));
}

async::Task<worker::HttpResponse> WebConnection::transfer(worker::HttpRequest request) {
  const auto open = std::make_shared<Open>(loop_);
  open->id = transfers_->start(std::move(request), [open](worker::HttpResponse response) {
    open->response = std::move(response);
    open->answered.set();
  });
  open_.insert(open);
  co_await open->answered.wait();
  open_.erase(open);
  co_return std::move(open->response);
}

}  // namespace coworker::civi
