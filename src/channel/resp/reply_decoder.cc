#include "channel/resp/reply_decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "channel/resp/number.h"

namespace coworker::channel::resp {
namespace {

constexpr std::int64_t kReserved = 1024;  // elements taken on trust; more memory comes with the bytes

void move_texts(Reply& reply, const char* from, const char* to) {
  if (reply.text.data() != nullptr) reply.text = std::string_view{to + (reply.text.data() - from), reply.text.size()};
  for (Reply& element : reply.elements) move_texts(element, from, to);
}

}  // namespace

ReplyDecoder::Step ReplyDecoder::next(std::string_view input) {
  if (!error_.empty()) return Step::malformed;
  if (done_) {
    done_ = false;
    position_ = searched_ = 0;
    root_known_ = false;
    root_ = Reply{};
  } else if (base_ != input.data()) {
    move_texts(root_, base_, input.data());
  }
  base_ = input.data();
  if (!root_known_) {
    if (const Step step = value(input, root_); step != Step::reply) return step;
    root_known_ = true;
  }
  while (!open_.empty()) {
    Level& level = open_.back();
    if (level.left == 0) {
      open_.pop_back();
      continue;
    }
    Reply element;
    Reply* array = level.array;
    const std::size_t depth = open_.size();
    if (const Step step = value(input, element); step != Step::reply) return step;
    // `value` opened a level for the element itself when that is an array; it moves into its parent now.
    open_[depth - 1].left -= 1;
    array->elements.push_back(std::move(element));
    if (open_.size() > depth) open_.back().array = &array->elements.back();
  }
  done_ = true;
  return Step::reply;
}

/// Reads one value at the position; an array opens a level and is filled by the caller.
ReplyDecoder::Step ReplyDecoder::value(std::string_view input, Reply& into) {
  const std::size_t end = input.find('\n', std::max(position_, searched_));
  if (end == std::string_view::npos) {
    if (input.size() - position_ > limits_.line) return complain("a line of a reply is too long");
    searched_ = input.size();
    return wait(1);
  }
  if (end - position_ > limits_.line) return complain("a line of a reply is too long");
  if (end < position_ + 2 || input[end - 1] != '\r') return complain("a line of a reply does not end in CR LF");
  const char type = input[position_];
  const std::string_view line = input.substr(position_ + 1, end - 1 - (position_ + 1));
  const std::size_t after = end + 1;
  std::int64_t length = 0;
  switch (type) {
    case '+':
    case '-':
      into.type = type == '+' ? Reply::Type::simple : Reply::Type::error;
      into.text = line;
      break;
    case ':':
      into.type = Reply::Type::integer;
      if (const Step step = number(line, into.integer); step != Step::reply) return step;
      break;
    case '$':
      if (const Step step = number(line, length); step != Step::reply) return step;
      if (length == -1) break;
      if (length < 0 || length > limits_.bulk) return complain(fmt::format("a bulk of {} bytes", length));
      if (input.size() - after < static_cast<std::size_t>(length) + 2) {
        return wait(static_cast<std::size_t>(length) + 2 - (input.size() - after));
      }
      into.type = Reply::Type::bulk;
      into.text = input.substr(after, static_cast<std::size_t>(length));
      if (input.substr(after + into.text.size(), 2) != "\r\n") return complain("a bulk does not end in CR LF");
      position_ = after + into.text.size() + 2;
      return Step::reply;
    case '*':
      if (const Step step = number(line, length); step != Step::reply) return step;
      into.type = length == -1 ? Reply::Type::null_array : Reply::Type::array;
      if (length == -1) break;
      if (length < 0 || length > limits_.elements) return complain(fmt::format("an array of {} elements", length));
      if (open_.size() == limits_.depth) return complain("arrays are nested too deeply");
      into.elements.reserve(static_cast<std::size_t>(std::min(length, kReserved)));
      open_.push_back(Level{&into, length});
      break;
    default:
      return complain(fmt::format("a reply begins with byte {}", static_cast<unsigned char>(type)));
  }
  position_ = after;
  return Step::reply;
}

ReplyDecoder::Step ReplyDecoder::number(std::string_view line, std::int64_t& value) {
  const std::optional<std::int64_t> parsed = parse_integer(line);
  if (!parsed) return complain("a reply's number is none");
  value = *parsed;
  return Step::reply;
}

ReplyDecoder::Step ReplyDecoder::wait(std::size_t missing) {
  missing_ = missing;
  return Step::incomplete;
}

ReplyDecoder::Step ReplyDecoder::complain(std::string text) {
  error_ = "Protocol error: " + text;
  return Step::malformed;
}

}  // namespace coworker::channel::resp
