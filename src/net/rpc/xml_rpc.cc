#include "net/rpc/xml_rpc.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <pugixml.hpp>

#include "api/value_json.h"
#include "base/utf8.h"

namespace coworker::net::rpc {
namespace {

using Read = tl::expected<Value, Fault>;

tl::unexpected<Fault> invalid(std::string text) {
  return fault(kInvalidRequest, "invalid request: " + std::move(text));
}

std::string_view name_of(const pugi::xml_node& node) {
  return node.name();
}

/// The text of an element that has nothing else in it.
tl::expected<std::string, Fault> text_of(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node) {
    if (child.type() != pugi::node_pcdata && child.type() != pugi::node_cdata) {
      return invalid(fmt::format("<{}> holds more than text", node.name()));
    }
    text += child.value();
  }
  return text;
}

std::string_view trimmed(std::string_view text);

/// What stands in an element between its tags when there is nothing else.
bool is_blank(const pugi::xml_node& node) {
  return node.type() == pugi::node_pcdata && trimmed(node.value()).empty();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

template <class T>
std::optional<T> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Read read_scalar(std::string_view type, std::string text) {
  if (type == "string") return Value{std::move(text)};
  if (type == "int" || type == "i4") {
    if (const auto value = number<std::int32_t>(text)) return Value{*value};
  } else if (type == "i8" || type == "ex:i8") {
    if (const auto value = number<std::int64_t>(text)) return Value{*value};
  } else if (type == "double") {
    const auto value = number<double>(text);
    if (value && std::isfinite(*value)) return Value{*value};
  } else if (type == "boolean") {
    const std::string_view word = trimmed(text);
    if (word == "0" || word == "1") return Value{word == "1"};
  } else if (type == "base64") {
    if (auto bytes = api::from_base64(text)) return Value{Binary{std::move(*bytes)}};
  } else if (type == "dateTime.iso8601") {
    if (const auto time = api::parse_date_time(trimmed(text))) return Value{*time};
  } else if (type == "nil" || type == "ex:nil") {
    if (trimmed(text).empty()) return Value{};
  } else {
    return invalid(fmt::format("there is no type <{}>", type));
  }
  return invalid(fmt::format("this is no <{}>", type));
}

Read read_value(const pugi::xml_node& node, std::size_t depth);

Read read_array(const pugi::xml_node& node, std::size_t depth) {
  const pugi::xml_node data = node.first_child();
  if (name_of(data) != "data" || data.next_sibling()) return invalid("<array> holds one <data>");
  Value::Array array;
  for (const pugi::xml_node& each : data) {
    if (is_blank(each)) continue;
    Read value = read_value(each, depth);
    if (!value) return value;
    array.push_back(std::move(*value));
  }
  return Value{std::move(array)};
}

Read read_struct(const pugi::xml_node& node, std::size_t depth) {
  Value::Map map;
  for (const pugi::xml_node& member : node) {
    if (is_blank(member)) continue;
    const pugi::xml_node name = member.first_child();
    const pugi::xml_node held = name.next_sibling();
    if (name_of(member) != "member" || name_of(name) != "name" || held.next_sibling()) {
      return invalid("<struct> holds <member>s of a <name> and a <value>");
    }
    tl::expected<std::string, Fault> key = text_of(name);
    if (!key) return tl::unexpected{std::move(key.error())};
    Read value = read_value(held, depth);
    if (!value) return value;
    map.insert_or_assign(std::move(*key), std::move(*value));
  }
  return Value{std::move(map)};
}

Read read_value(const pugi::xml_node& node, std::size_t depth) {
  if (name_of(node) != "value") return invalid("a <value> is missing");
  if (depth >= kDeepest) return invalid("more than 64 arrays and structs within each other");
  const pugi::xml_node held = node.first_child();
  if (held.type() != pugi::node_element) {
    tl::expected<std::string, Fault> text = text_of(node);
    if (!text) return tl::unexpected{std::move(text.error())};
    return Value{std::move(*text)};
  }
  if (held.next_sibling()) return invalid("<value> holds one thing");
  if (name_of(held) == "array") return read_array(held, depth + 1);
  if (name_of(held) == "struct") return read_struct(held, depth + 1);
  tl::expected<std::string, Fault> text = text_of(held);
  if (!text) return tl::unexpected{std::move(text.error())};
  return read_scalar(name_of(held), std::move(*text));
}

bool is_method_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':' || c == '/';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_allowed);
}

/// What is not UTF-8 can be told apart only where the document says so: then it is an encoding that is not read here.
std::optional<Fault> check_encoding(std::string_view document) {
  if (document.starts_with("<?xml")) {
    const std::string_view declaration = document.substr(0, document.find("?>"));
    const std::size_t at = declaration.find("encoding");
    const std::size_t quote = at == std::string_view::npos ? at : declaration.find_first_of("\"'", at);
    if (quote != std::string_view::npos) {
      std::string name;
      for (const char c : declaration.substr(quote + 1, declaration.find(declaration[quote], quote + 1) - quote - 1)) {
        name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      }
      if (name != "utf-8" && name != "us-ascii" && name != "ascii" && name != "utf8") {
        return Fault{kEncoding, fmt::format("unsupported encoding '{}': UTF-8 is read here", name.substr(0, 40))};
      }
    }
  }
  const std::size_t at = first_not_utf8(document);
  if (at < document.size()) return Fault{kCharacter, fmt::format("byte {} is not UTF-8", at)};
  return std::nullopt;
}

// ---- writing ------------------------------------------------------------------------------------

void write_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length != 1) {
      out += length == 0 ? "\xef\xbf\xbd" : text.substr(0, length);
    } else if (byte == '&') {
      out += "&amp;";
    } else if (byte == '<') {
      out += "&lt;";
    } else if (byte == '>') {
      out += "&gt;";
    } else if (byte == '\t' || byte == '\n' || byte == '\r') {
      out += fmt::format("&#{};", byte);
    } else {
      // XML has no words for other control characters.
      out += byte < 0x20 ? "\xef\xbf\xbd" : text.substr(0, 1);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

/// As few digits as tell it from all others, without an exponent, which XML-RPC does not have.
std::string plain_number(double value) {
  const std::string text = fmt::format("{}", value);
  const std::size_t at = text.find('e');
  if (at == std::string::npos) return text;
  const bool is_negative = text.front() == '-';
  std::string digits;
  for (const char c : std::string_view{text}.substr(0, at)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const int exponent = std::stoi(text.substr(at + 1));  // of the first digit
  if (exponent < 0) {
    digits = "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    digits.insert(whole, digits.size() == whole ? ".0" : ".");
  }
  return (is_negative ? "-" : "") + digits;
}

struct WriteValue {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "<nil/>"; }
  void operator()(bool value) const { out += value ? "<boolean>1</boolean>" : "<boolean>0</boolean>"; }
  void operator()(std::int64_t value) const {
    const bool is_short = value >= INT32_MIN && value <= INT32_MAX;
    out += is_short ? fmt::format("<int>{}</int>", value) : fmt::format("<i8>{}</i8>", value);
  }
  void operator()(double value) const {
    out += std::isfinite(value) ? fmt::format("<double>{}</double>", plain_number(value)) : "<nil/>";
  }
  void operator()(const std::string& value) const {
    out += "<string>";
    write_text(out, value);
    out += "</string>";
  }
  void operator()(const Binary& value) const { out += "<base64>" + api::to_base64(value.bytes) + "</base64>"; }
  void operator()(DateTime value) const { out += "<dateTime.iso8601>" + api::to_text(value) + "</dateTime.iso8601>"; }
  void operator()(const Value::Array& value) const {
    out += "<array><data>";
    for (const Value& each : value) write(each);
    out += "</data></array>";
  }
  void operator()(const Value::Map& value) const {
    out += "<struct>";
    for (const auto& [name, each] : value) {
      out += "<member><name>";
      write_text(out, name);
      out += "</name>";
      write(each);
      out += "</member>";
    }
    out += "</struct>";
  }

  void write(const Value& value) const {
    out += "<value>";
    value.visit(*this);
    out += "</value>";
  }
};

}  // namespace

tl::expected<XmlCall, Fault> parse_xml_call(std::string_view document) {
  if (std::optional<Fault> trouble = check_encoding(document)) return tl::unexpected{std::move(*trouble)};
  pugi::xml_document parsed;
  const auto flags = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_ws_pcdata_single;
  const pugi::xml_parse_result result =
      parsed.load_buffer(document.data(), document.size(), flags, pugi::encoding_utf8);
  if (!result) {
    return fault(kParseError, fmt::format("parse error at byte {}: {}", result.offset, result.description()));
  }
  const pugi::xml_node root = parsed.document_element();
  if (name_of(root) != "methodCall") return invalid("not a <methodCall>");
  const pugi::xml_node name = root.first_child();
  const pugi::xml_node params = name.next_sibling();
  tl::expected<std::string, Fault> method = text_of(name);
  if (!method) return tl::unexpected{std::move(method.error())};
  if (name_of(name) != "methodName" || !is_method_name(trimmed(*method))) return invalid("no <methodName>");
  XmlCall call;
  call.method = trimmed(*method);
  if (!params) return call;
  if (name_of(params) != "params" || params.next_sibling()) return invalid("<params> follow the <methodName>");
  for (const pugi::xml_node& param : params) {
    if (is_blank(param)) continue;
    const pugi::xml_node held = param.first_child();
    if (name_of(param) != "param" || held.next_sibling()) return invalid("<params> hold <param>s of one <value>");
    Read value = read_value(held, 0);
    if (!value) return tl::unexpected{std::move(value.error())};
    call.params.push_back(std::move(*value));
  }
  return call;
}

std::string xml_response(const Outcome& outcome) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodResponse>";
  if (outcome) {
    out += "<params><param>";
    WriteValue{out}.write(*outcome);
    out += "</param></params>";
  } else {
    out += "<fault>";
    WriteValue{out}.write(Value::Map{{"faultCode", outcome.error().code}, {"faultString", outcome.error().text}});
    out += "</fault>";
  }
  return out + "</methodResponse>";
}

async::Task<std::string> answer_xml(Directory& directory, std::string document, Caller& caller) {
  tl::expected<XmlCall, Fault> call = parse_xml_call(document);
  if (!call) co_return xml_response(tl::unexpected{std::move(call.error())});
  Arguments arguments;
  arguments.positional = std::move(call->params);
  const Outcome outcome = co_await directory.call(Protocol::xml, std::move(call->method), std::move(arguments), caller);
  co_return xml_response(outcome);
}

}  // namespace coworker::net::rpc
