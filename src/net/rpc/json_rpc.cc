#include "net/rpc/json_rpc.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/value_json.h"

namespace coworker::net::rpc {
namespace {

namespace json = boost::json;

json::object error_object(const Fault& fault, json::value id) {
  return {{"jsonrpc", "2.0"},
          {"error", json::object{{"code", fault.code}, {"message", fault.text}}},
          {"id", std::move(id)}};
}

bool is_id(const json::value& id) {
  return id.is_null() || id.is_string() || id.is_number();
}

/// A request, or why it is none.
struct Request {
  std::string method;
  Arguments arguments;
  std::optional<json::value> id;  // none: a notification
  std::optional<Fault> trouble;   // with an id, null where that could not be read
};

void refuse(Request& request, std::string text) {
  if (!request.trouble) request.trouble = Fault{kInvalidRequest, "invalid request: " + text};
  if (!request.id) request.id = nullptr;
}

void read_params(const json::value& params, Request& request) {
  request.arguments.from_json = true;
  if (params.is_array()) {
    for (const json::value& each : params.get_array()) request.arguments.positional.push_back(api::to_value(each));
  } else if (params.is_object()) {
    Value named = api::to_value(params);
    request.arguments.named = std::move(*named.get<Value::Map>());
  } else {
    refuse(request, "params must be an array or an object");
  }
}

Request read_request(const json::value& from) {
  Request request;
  const json::object* object = from.if_object();
  if (object == nullptr) {
    refuse(request, "not an object");
    return request;
  }
  if (const json::value* id = object->if_contains("id")) {
    if (is_id(*id)) {
      request.id = *id;
    } else {
      refuse(request, "id must be a string, a number or null");
    }
  }
  const json::value* version = object->if_contains("jsonrpc");
  if (version == nullptr || *version != "2.0") refuse(request, "jsonrpc must be \"2.0\"");
  const json::value* method = object->if_contains("method");
  if (method == nullptr || !method->is_string()) {
    refuse(request, "method must be a string");
  } else {
    request.method = method->get_string();
  }
  if (const json::value* params = object->if_contains("params")) {
    read_params(*params, request);
  } else {
    request.arguments.from_json = true;
  }
  return request;
}

async::Task<std::optional<json::value>> answer_one(Directory& directory, Request request, Caller& caller) {
  if (request.trouble) co_return error_object(*request.trouble, std::move(*request.id));
  Outcome outcome =
      co_await directory.call(Protocol::json, std::move(request.method), std::move(request.arguments), caller);
  if (!request.id) co_return std::nullopt;
  if (!outcome) co_return error_object(outcome.error(), std::move(*request.id));
  co_return json::object{{"jsonrpc", "2.0"}, {"result", api::to_json(*outcome)}, {"id", std::move(*request.id)}};
}

json::value parse(const std::string& document, boost::system::error_code& error) {
  json::parse_options options;
  options.max_depth = kDeepest;
  return json::parse(document, error, {}, options);
}

}  // namespace

std::string json_fault(const Fault& fault) {
  return json::serialize(error_object(fault, nullptr));
}

async::Task<std::optional<std::string>> answer_json(Directory& directory, std::string document, Caller& caller) {
  boost::system::error_code error;
  const json::value parsed = parse(document, error);
  if (error) co_return json_fault({kParseError, "parse error: " + error.message()});
  if (!parsed.is_array()) {
    Request request = read_request(parsed);
    const std::optional<json::value> answer = co_await answer_one(directory, std::move(request), caller);
    if (!answer) co_return std::nullopt;
    co_return json::serialize(*answer);
  }
  const json::array& batch = parsed.get_array();
  if (batch.empty()) co_return json_fault({kInvalidRequest, "invalid request: an empty batch"});
  if (batch.size() > kMostCalls) {
    co_return json_fault({kInvalidRequest, "invalid request: more than 1000 calls in a batch"});
  }
  json::array answers;
  for (const json::value& each : batch) {
    Request request = read_request(each);
    std::optional<json::value> answer = co_await answer_one(directory, std::move(request), caller);
    if (answer) answers.push_back(std::move(*answer));
  }
  if (answers.empty()) co_return std::nullopt;
  co_return json::serialize(answers);
}

}  // namespace coworker::net::rpc
