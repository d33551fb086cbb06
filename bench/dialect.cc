#include "dialect.h"

#include <charconv>
#include <initializer_list>

#include "connection.h"

namespace coworker::bench {
namespace {

void append_bulk(std::string& out, std::string_view text) {
  out += '$';
  out += std::to_string(text.size());
  out += "\r\n";
  out += text;
  out += "\r\n";
}

std::string request(std::initializer_list<std::string_view> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) append_bulk(out, word);
  return out;
}

long long number(std::string_view text) {
  long long value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Walks one RESP value and picks the bulk strings at `depth` (enclosing arrays) and `index`.
class RespWalk {
 public:
  RespWalk(std::string_view input, std::size_t depth, std::size_t index, std::vector<std::string>* ids)
      : input_{input}, depth_{depth}, index_{index}, ids_{ids} {}

  std::optional<std::size_t> run() {
    if (!value(0, 0)) return std::nullopt;
    return at_;
  }

 private:
  // False: the input ends too early.
  bool value(std::size_t depth, std::size_t index) {
    const std::size_t end = input_.find("\r\n", at_);
    if (end == std::string_view::npos) return false;
    const char kind = input_[at_];
    const std::string_view line = input_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 2;
    switch (kind) {
      case '+':
      case ':':
        return true;
      case '$':
        return bulk(number(line), depth, index);
      case '*':
        for (long long i = 0; i < number(line); ++i) {
          if (!value(depth + 1, static_cast<std::size_t>(i))) return false;
        }
        return true;
      default:
        give_up("the server answered: " + std::string{kind} + std::string{line});
    }
  }

  bool bulk(long long size, std::size_t depth, std::size_t index) {
    if (size < 0) return true;
    const auto length = static_cast<std::size_t>(size);
    if (input_.size() - at_ < length + 2) return false;
    if (ids_ != nullptr && depth == depth_ && index == index_) ids_->emplace_back(input_.substr(at_, length));
    at_ += length + 2;
    return true;
  }

  std::string_view input_;
  std::size_t at_ = 0;
  std::size_t depth_;
  std::size_t index_;
  std::vector<std::string>* ids_;
};

std::optional<std::size_t> walk(std::string_view input, std::size_t depth, std::size_t index,
                                std::vector<std::string>* ids) {
  const std::size_t had = ids != nullptr ? ids->size() : 0;
  const std::optional<std::size_t> length = RespWalk{input, depth, index, ids}.run();
  if (!length && ids != nullptr) ids->resize(had);
  return length;
}

class Disque : public Dialect {
 public:
  explicit Disque(std::size_t body_size)
      : add_{request({"ADDJOB", "bench", std::string(body_size, 'x'), "0", "REPLICATE", "1", "RETRY", "300"})} {}

  void add(std::string& out) const override { out += add_; }
  void claim(std::size_t count, std::string& out) const override {
    if (count == 1) {
      out += claim_one_;
    } else {
      out += request({"GETJOB", "NOHANG", "COUNT", std::to_string(count), "FROM", "bench"});
    }
  }
  std::size_t ack(std::span<const std::string> ids, std::string& out) const override {
    out += "*" + std::to_string(ids.size() + 1) + "\r\n$6\r\nACKJOB\r\n";
    for (const std::string& id : ids) append_bulk(out, id);
    return 1;
  }
  // [[queue, id, body], …]
  std::optional<std::size_t> reply(std::string_view input, std::vector<std::string>* ids) const override {
    return walk(input, 2, 1, ids);
  }

 private:
  std::string add_;
  std::string claim_one_ = request({"GETJOB", "NOHANG", "FROM", "bench"});
};

class Streams : public Dialect {
 public:
  explicit Streams(std::size_t body_size) : add_{request({"XADD", "bench", "*", "b", std::string(body_size, 'x')})} {}

  std::vector<std::string> setup() const override {
    return {request({"DEL", "bench"}), request({"XGROUP", "CREATE", "bench", "group", "0", "MKSTREAM"})};
  }
  void add(std::string& out) const override { out += add_; }
  void claim(std::size_t count, std::string& out) const override {
    out += request({"XREADGROUP", "GROUP", "group", "one", "COUNT", std::to_string(count), "STREAMS", "bench", ">"});
  }
  std::size_t ack(std::span<const std::string> ids, std::string& out) const override {
    out += "*" + std::to_string(ids.size() + 3) + "\r\n$4\r\nXACK\r\n$5\r\nbench\r\n$5\r\ngroup\r\n";
    for (const std::string& id : ids) append_bulk(out, id);
    return 1;
  }
  // [[stream, [[id, [field, value]], …]]]
  std::optional<std::size_t> reply(std::string_view input, std::vector<std::string>* ids) const override {
    return walk(input, 4, 0, ids);
  }

 private:
  std::string add_;
};

class Beanstalk : public Dialect {
 public:
  explicit Beanstalk(std::size_t body_size)
      : add_{"put 0 0 300 " + std::to_string(body_size) + "\r\n" + std::string(body_size, 'x') + "\r\n"} {}

  void add(std::string& out) const override { out += add_; }
  void claim(std::size_t, std::string& out) const override { out += "reserve-with-timeout 0\r\n"; }
  std::size_t ack(std::span<const std::string> ids, std::string& out) const override {
    for (const std::string& id : ids) out += "delete " + id + "\r\n";
    return ids.size();
  }
  std::optional<std::size_t> reply(std::string_view input, std::vector<std::string>* ids) const override {
    const std::size_t end = input.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = input.substr(0, end);
    if (line.starts_with("INSERTED ") || line == "DELETED") return end + 2;
    if (!line.starts_with("RESERVED ")) give_up("the server answered: " + std::string{line});
    const std::string_view rest = line.substr(9);
    const std::size_t space = rest.find(' ');
    const std::size_t whole = end + 2 + static_cast<std::size_t>(number(rest.substr(space + 1))) + 2;
    if (input.size() < whole) return std::nullopt;
    if (ids != nullptr) ids->emplace_back(rest.substr(0, space));
    return whole;
  }
  bool batches() const override { return false; }

 private:
  std::string add_;
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(const std::string& name, std::size_t body_size) {
  if (name == "disque") return std::make_unique<Disque>(body_size);
  if (name == "streams") return std::make_unique<Streams>(body_size);
  if (name == "beanstalk") return std::make_unique<Beanstalk>(body_size);
  give_up("no such dialect: " + name);
}

}  // namespace coworker::bench
