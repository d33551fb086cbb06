#include "worker/http_worker.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>

#include "worker/address.h"
#include "worker/http_transfers.h"

namespace coworker::worker {
namespace {

class HttpExecution : public Execution, public std::enable_shared_from_this<HttpExecution> {
 public:
  HttpExecution(async::Loop& loop, HttpTransfers& transfers, Millis timeout, Watcher watcher)
      : transfers_{transfers}, timeout_{timeout}, watcher_{std::move(watcher)}, timer_{loop} {}

  void begin(HttpRequest request) {
    const std::string shown = request.method + " " + without_secrets(request.url);
    if (watcher_.on_start) watcher_.on_start(0);
    transfer_ = transfers_.start(std::move(request), [self = shared_from_this(), shown](HttpResponse response) {
      self->answered(shown, std::move(response));
    });
    if (timeout_ <= Millis{0}) return;
    timer_.expires_after(timeout_);
    timer_.async_wait([self = shared_from_this(), shown](boost::system::error_code error) {
      if (error || self->over_) return;
      self->transfers_.cancel(self->transfer_);
      self->end(Outcome::failed(fmt::format("process timeout of {} ms exceeded: {}", self->timeout_.count(), shown)));
    });
  }

  /// A request cannot be asked to hurry: it may end by itself within the grace.
  void stop(proc::Killed, Millis grace) override {
    if (over_) return;
    timer_.expires_after(grace);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (error || self->over_) return;
      self->transfers_.cancel(self->transfer_);
      Outcome outcome = Outcome::failed("stopped by us");
      outcome.kind = Outcome::Kind::stopped;
      self->end(std::move(outcome));
    });
  }

 private:
  void answered(const std::string& shown, HttpResponse response) {
    if (response.too_long) return end(Outcome::failed(fmt::format("{}: the response is too long", shown)));
    if (!response.error.empty()) return end(Outcome::failed(fmt::format("{}: {}", shown, response.error)));
    if (response.status >= 200 && response.status < 300) return end(Outcome::ok(std::move(response.body)));
    const std::string beginning = beginning_of(response.body);
    end(Outcome::failed(
        fmt::format("{}: status {}{}{}", shown, response.status, beginning.empty() ? "" : ": ", beginning)));
  }

  void end(Outcome outcome) {
    over_ = true;
    timer_.cancel();
    const auto on_end = std::move(watcher_.on_end);
    watcher_ = {};
    on_end(std::move(outcome));
  }

  HttpTransfers& transfers_;
  Millis timeout_;
  Watcher watcher_;
  boost::asio::steady_timer timer_;
  HttpTransfers::Id transfer_ = 0;
  bool over_ = false;
};

bool takes_query(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "DELETE";
}

}  // namespace

Result<std::unique_ptr<Worker>> HttpWorker::make(async::Loop& loop, Options options) {
  const Result<const Curl*> curl = Curl::load();
  if (!curl) return tl::unexpected{curl.error()};
  auto transfers = std::make_unique<HttpTransfers>(loop, **curl);
  return std::unique_ptr<Worker>{new HttpWorker{loop, std::move(options), std::move(transfers)}};
}

HttpWorker::HttpWorker(async::Loop& loop, Options options, std::unique_ptr<HttpTransfers> transfers)
    : loop_{loop}, options_{std::move(options)}, transfers_{std::move(transfers)} {}

HttpWorker::~HttpWorker() = default;

void HttpWorker::close() {
  transfers_ = nullptr;
}

std::shared_ptr<Execution> HttpWorker::start(Job job, Watcher watcher) {
  std::map<std::string, std::string> values = options_.replaced;
  values["queue"] = job.queue;
  values["id"] = job.id;
  HttpRequest request;
  request.url = fill_address(options_.address, values);
  request.method = options_.method;
  request.headers = options_.headers;
  request.redirects = options_.redirects;
  request.response_limit = options_.response_limit;
  request.ca_file = options_.authorities;
  request.has_body = !takes_query(options_.method);
  std::string form = form_of(job.body, job.metadata);
  if (request.has_body) {
    request.body = std::move(form);
  } else {
    request.url = with_query(std::move(request.url), form);
  }
  auto execution = std::make_shared<HttpExecution>(loop_, *transfers_, job.process_timeout, std::move(watcher));
  execution->begin(std::move(request));
  return execution;
}

}  // namespace coworker::worker
