#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace coworker::net::resp {

/// How often a command ran, and how long it kept the server busy.
struct CommandStat {
  std::uint64_t calls = 0;
  std::uint64_t nanos = 0;
};

/// Rises since start or CONFIG RESETSTAT, and their rates over the last seconds.
struct Stats {
  std::uint64_t connections = 0;
  std::uint64_t rejected = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::vector<CommandStat> commands;  // by the command's place in the table

  /// Sampled once a second.
  void sample() {
    const Sample now{requests, bytes_in, bytes_out};
    samples_[next_++ % samples_.size()] = now - last_;
    last_ = now;
  }
  std::uint64_t requests_per_second() const { return mean(&Sample::requests); }
  std::uint64_t bytes_in_per_second() const { return mean(&Sample::bytes_in); }
  std::uint64_t bytes_out_per_second() const { return mean(&Sample::bytes_out); }

  void reset() {
    const std::size_t count = commands.size();
    *this = Stats{};
    commands.resize(count);
  }

 private:
  struct Sample {
    std::uint64_t requests = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;

    friend Sample operator-(const Sample& a, const Sample& b) {
      return {a.requests - b.requests, a.bytes_in - b.bytes_in, a.bytes_out - b.bytes_out};
    }
  };

  std::uint64_t mean(std::uint64_t Sample::* member) const {
    std::uint64_t sum = 0;
    for (const Sample& sample : samples_) sum += sample.*member;
    return sum / samples_.size();
  }

  std::array<Sample, 4> samples_{};
  Sample last_{};
  std::size_t next_ = 0;
};

}  // namespace coworker::net::resp
