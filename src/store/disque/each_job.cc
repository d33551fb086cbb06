#include "store/disque/each_job.h"

#include <functional>
#include <string>
#include <utility>

#include "store/disque/reply_fields.h"
#include "store/disque/request_text.h"

namespace coworker::store::disque {
namespace {

/// Collects one status per job; answers when the last has come.
class Statuses {
 public:
  Statuses(std::size_t jobs, Store::Done done) : left_{jobs}, done_{std::move(done)} { answer_.each.reserve(jobs); }

  void take(Result<const Reply*> reply, job::Status otherwise) {
    if (!reply) {
      error_ = std::move(reply.error());
    } else if ((*reply)->is_error()) {
      take_error(**reply);
    } else {
      // WORKING answers the retry time, which is 0 for a job that is never retried; all else counts jobs.
      const std::optional<std::int64_t> count = integer_of(**reply);
      answer_.each.push_back(count.value_or(0) > 0 ? job::Status::done : otherwise);
    }
    if (--left_ > 0) return;
    if (error_) return done_(tl::unexpected{std::move(*error_)});
    done_(std::move(answer_));
  }

 private:
  void take_error(const Reply& reply) {
    Error error = error_of(reply);
    if (error.code() == Errc::not_found) {
      answer_.each.push_back(job::Status::not_found);
    } else if (error.code() == Errc::conflict) {
      answer_.each.push_back(job::Status::conflict);
    } else {
      error_ = std::move(error);
    }
  }

  std::size_t left_;
  Store::Done done_;
  job::Statuses answer_;
  std::optional<Error> error_;
};

// What a count of zero means: the job was not there, or (`otherwise`) its state did not allow it. The protocol does
// not say which.
template <class Jobs, class MakeRequest>
void each(const std::shared_ptr<Connection>& connection, const Jobs& jobs, job::Status otherwise,
          MakeRequest make_request, Store::Done done) {
  if (jobs.empty()) return done(job::Statuses{});
  const auto statuses = std::make_shared<Statuses>(jobs.size(), std::move(done));
  std::string requests;
  for (const auto& job : jobs) requests += make_request(job).take();
  connection->send(
      requests, [statuses, otherwise](Result<const Reply*> reply) { statuses->take(std::move(reply), otherwise); },
      jobs.size());
}

RequestText request(std::string_view command, const job::JobId& id) {
  RequestText text{command};
  text.word(to_string(id));
  return text;
}

}  // namespace

void start_each(const std::shared_ptr<Connection>& connection, const job::Enqueue& enqueue, Store::Done done) {
  const auto make = [&](const job::JobId& id) {
    if (!enqueue.nack) return request("ENQUEUE", id);
    if (enqueue.delay.count() == 0) return request("NACK", id);
    RequestText text{"CW.NACK"};
    text.number(enqueue.delay.count()).word(to_string(id));
    return text;
  };
  each(connection, enqueue.jobs, job::Status::not_found, make, std::move(done));
}

void start_each(const std::shared_ptr<Connection>& connection, const job::Dequeue& dequeue, Store::Done done) {
  each(
      connection, dequeue.jobs, job::Status::not_found, [](const job::JobId& id) { return request("DEQUEUE", id); },
      std::move(done));
}

void start_each(const std::shared_ptr<Connection>& connection, const job::Remove& remove, Store::Done done) {
  each(
      connection, remove.jobs, job::Status::not_found, [](const job::JobId& id) { return request("DELJOB", id); },
      std::move(done));
}

void start_each_ack(const std::shared_ptr<Connection>& connection, const job::Ack& ack, Store::Done done) {
  each(
      connection, ack.jobs, job::Status::not_found, [](const job::JobRef& ref) { return request("ACKJOB", ref.id); },
      std::move(done));
}

void start_each_nack(const std::shared_ptr<Connection>& connection, const std::vector<job::JobId>& jobs,
                     Store::Done done) {
  each(
      connection, jobs, job::Status::not_found, [](const job::JobId& id) { return request("NACK", id); },
      std::move(done));
}

void start_each_working(const std::shared_ptr<Connection>& connection, const job::Extend& extend, Store::Done done) {
  each(
      connection, extend.jobs, job::Status::done, [](const job::JobRef& ref) { return request("WORKING", ref.id); },
      std::move(done));
}

void start_working(const std::shared_ptr<Connection>& connection, const job::Working& working, Store::Done done) {
  connection->send(request("WORKING", working.id).take(), [done = std::move(done)](Result<const Reply*> reply) {
    if (!reply) return done(tl::unexpected{std::move(reply.error())});
    job::Worked worked;
    if ((*reply)->is_error()) {
      Error error = error_of(**reply);
      if (error.code() != Errc::not_found && error.code() != Errc::conflict)
        return done(tl::unexpected{std::move(error)});
      worked.outcome =
          error.code() == Errc::not_found ? job::Worked::Outcome::not_found : job::Worked::Outcome::too_late;
      return done(worked);
    }
    worked.retry = Seconds{integer_of(**reply).value_or(0)};
    done(worked);
  });
}

}  // namespace coworker::store::disque
