#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/loop.h"
#include "worker/worker.h"

namespace coworker::worker {

class HttpTransfers;

/// Does a job with one HTTP request. docs/workers.md says the same to users.
///
///   address    {name} is replaced by the value of that name, percent-encoded; {queue} and {id} are the job's
///   body       POST, PUT, PATCH: a form with the fields body and metadata, which hold JSON. GET, HEAD, DELETE: the
///              same as parameters of the query
///   outcome    2xx: done, and the response is the result. Anything else: failed, with the status and what the
///              response begins with; so has a response over the limit
///   time       the process timeout is the deadline of the whole transfer
///   libcurl    certificates are verified; http_proxy, https_proxy, all_proxy and no_proxy are honoured, and user and
///              password in the address; redirects are followed as often as said, to http and https only, and the
///              method stays with 307 and 308
class HttpWorker : public Worker {
 public:
  struct Options {
    std::string address;
    std::string method = "POST";
    std::map<std::string, std::string> headers;
    std::map<std::string, std::string> replaced;
    std::uint32_t redirects = 0;
    std::uint64_t response_limit = 1 << 20;
    std::string authorities;  // PEM file to trust instead of the system's
  };

  /// unavailable: libcurl cannot be loaded.
  static Result<std::unique_ptr<Worker>> make(async::Loop& loop, Options options);
  ~HttpWorker() override;

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;
  void close() override;

 private:
  HttpWorker(async::Loop& loop, Options options, std::unique_ptr<HttpTransfers> transfers);

  async::Loop& loop_;
  Options options_;
  std::unique_ptr<HttpTransfers> transfers_;
};

}  // namespace coworker::worker
