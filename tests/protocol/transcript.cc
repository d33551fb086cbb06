#include "transcript.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <stdexcept>

#include "channel/resp/encode.h"
#include "channel/resp/inline_words.h"
#include "peer.h"

namespace coworker::test {
namespace {

using Names = std::map<std::string, std::string>;

/// Puts what is known for each {name}.
std::string fill_in(std::string text, const Names& names) {
  for (const auto& [name, value] : names) {
    const std::string placeholder = "{" + name + "}";
    for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at)) {
      text.replace(at, placeholder.size(), value);
    }
  }
  return text;
}

std::string unescape(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    switch (text.at(++i)) {
      case 'r':
        bytes.push_back('\r');
        break;
      case 't':
        bytes.push_back('\t');
        break;
      case 'n':
        bytes.push_back('\n');
        break;
      case '0':
        bytes.push_back('\0');
        break;
      case 'x':
        bytes.push_back(static_cast<char>(std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16)));
        i += 2;
        break;
      case '*': {
        const std::size_t open = text.find('(', i);
        bytes.append(std::stoul(std::string{text.substr(i + 1, open - i - 1)}), text.at(open + 1));
        i = open + 2;
        break;
      }
      default:
        bytes.push_back(text[i]);
    }
  }
  return bytes;
}

/// Whether `got` is what was expected; learns the names it meets.
bool matches(const std::string& expected, const std::string& got, Names& names) {
  static const std::regex kPlaceholder{R"(\{(\*|[a-z][a-z0-9]*)\})"};
  static const std::regex kSpecial{R"([.^$|()\[\]{}*+?\\])"};
  const std::string known = fill_in(expected, names);
  std::string pattern;
  std::vector<std::string> learned;
  auto literal_begin = known.cbegin();
  for (std::sregex_iterator found{known.begin(), known.end(), kPlaceholder}, end; found != end; ++found) {
    pattern += std::regex_replace(std::string{literal_begin, (*found)[0].first}, kSpecial, R"(\$&)");
    const std::string name = (*found)[1];
    pattern += name == "*" ? ".*" : R"(([^ "\[\]]+))";
    if (name != "*") learned.push_back(name);
    literal_begin = (*found)[0].second;
  }
  pattern += std::regex_replace(std::string{literal_begin, known.cend()}, kSpecial, R"(\$&)");
  std::smatch match;
  if (!std::regex_match(got, match, std::regex{pattern})) return false;
  for (std::size_t i = 0; i < learned.size(); ++i) names[learned[i]] = match[i + 1];
  return true;
}

class Player {
 public:
  void line(const std::string& text) {
    if (text.empty() || text[0] == '#') return;
    if (text == "restart") {
      peers_.clear();
      blocked_.clear();
      return broker_.restart();
    }
    std::size_t at = 0;
    int client = 1;
    if (text[0] >= '1' && text[0] <= '9') client = text[at++] - '0';
    const std::string rest = text.substr(at);
    if (rest == " blocks") {
      blocked_.insert(client);
      return broker_.await_blocked(blocked_.size());
    }
    if (rest == " leaves") {
      peers_.erase(client);
      blocked_.erase(client);
      return broker_.await_blocked(blocked_.size());
    }
    if (rest.starts_with(">> ")) return peer(client).send(unescape(fill_in(rest.substr(3), names_)));
    if (rest.starts_with("> ")) return request(client, fill_in(rest.substr(2), names_));
    if (rest.starts_with("< ")) return expect(client, rest.substr(2));
    throw std::runtime_error{"this line means nothing"};
  }

 private:
  Peer& peer(int client) {
    std::unique_ptr<Peer>& found = peers_[client];
    if (!found) found = std::make_unique<Peer>(client % 2 == 1 ? broker_.unix_address() : broker_.tcp_address());
    return *found;
  }

  void request(int client, const std::string& text) {
    std::string storage;
    std::vector<std::string_view> words;
    // An empty word cannot be typed inline; here it is "".
    if (!channel::resp::split_inline(text, storage, words)) throw std::runtime_error{"unbalanced quotes"};
    for (std::string_view& word : words) {
      if (word == "<empty>") word = "";
    }
    std::string bytes;
    channel::resp::append_request(bytes, words);
    peer(client).send(bytes);
  }

  void expect(int client, const std::string& expected) {
    const std::string got = peer(client).reply();
    if (!matches(expected, got, names_)) throw std::runtime_error{"got " + got};
    blocked_.erase(client);
  }

  TestBroker broker_;
  std::map<int, std::unique_ptr<Peer>> peers_;
  Names names_;
  std::set<int> blocked_;
};

}  // namespace

std::string play(const std::filesystem::path& file) {
  std::ifstream lines{file};
  Player player;
  std::string text;
  for (int number = 1; std::getline(lines, text); ++number) {
    try {
      player.line(text);
    } catch (const std::exception& error) {
      return fmt::format("{}:{}: {}\n  {}", file.filename().string(), number, text, error.what());
    }
  }
  return "";
}

}  // namespace coworker::test
