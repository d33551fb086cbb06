#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coworker::bench {

/// How one server is asked to add, claim and acknowledge, so that the same generator loads them all.
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// Requests that must be answered before the first job; may be empty.
  virtual std::vector<std::string> setup() const { return {}; }

  virtual void add(std::string& out) const = 0;
  virtual void claim(std::size_t count, std::string& out) const = 0;

  /// Asks in as few requests as the server allows; returns how many replies will come.
  virtual std::size_t ack(std::span<const std::string> ids, std::string& out) const = 0;

  /// The length of the first whole reply in `input`, nullopt when there is none yet. The ids of
  /// claimed jobs are appended to `ids` when given. An error reply ends the program.
  virtual std::optional<std::size_t> reply(std::string_view input, std::vector<std::string>* ids) const = 0;

  /// Whether one claim can take many jobs.
  virtual bool batches() const { return true; }
};

/// disque (ADDJOB, GETJOB, ACKJOB), streams (XADD, XREADGROUP, XACK) or beanstalk (put, reserve, delete).
std::unique_ptr<Dialect> make_dialect(const std::string& name, std::size_t body_size);

}  // namespace coworker::bench
