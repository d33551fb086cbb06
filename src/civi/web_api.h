#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/pauses.h"
#include "civi/connection.h"
#include "civi/web_address.h"
#include "worker/http_transfers.h"

/// What a call is over HTTP, and what its answer means; without sending anything.
namespace coworker::civi {

/// POST to CiviCRM's end-point, with the parameters as a form field; the credential in headers.
worker::HttpRequest api_request(const WebAddress& address, std::string_view entity, std::string_view action,
                                const boost::json::object& params);

/// POST to the address itself, with a JSON-RPC request as on a pipe.
worker::HttpRequest rpc_request(const WebAddress& address, std::uint64_t id, std::string_view method,
                                boost::json::array params);

struct WebAnswer {
  Reply reply;
  long status = 0;      // 0: there is no answer
  bool is_api = false;  // it came from what we wanted to speak to, and not from something in its place
  std::string noise{};  // what PHP printed before and after it
};

/// What an answer says:
///
///   2xx with the values                 answered
///   an error, as the API says it        refused; unsent and denied where a permission is missing
///   401, 403                            unsent, denied: nothing is done for who may not
///   another 4xx, a redirect             unsent
///   5xx, a page, half an answer         lost
///   no answer                           unsent if nothing of the request left, else lost
WebAnswer api_answer(const worker::HttpResponse& response, const WebAddress& address);
WebAnswer rpc_answer(const worker::HttpResponse& response, const WebAddress& address, std::uint64_t id);

/// Whether the request may be sent again: `reads` says that it changes nothing, then most failures of a server and of
/// the network are worth another try; else only when it is known that the server did nothing.
bool may_repeat(const worker::HttpResponse& response, const Reply& reply, bool reads);

/// How long a server that has too much to do, or is being maintained, has asked to be left alone: five minutes at most,
/// whatever it says, for its clock may be as wrong as ours.
Millis asked_pause(const worker::HttpResponse& response);

/// Actions that change nothing, by their name.
bool only_reads(std::string_view action);

/// Between repetitions of a request.
inline constexpr PauseRule kRepetitions{.first = Millis{500}, .longest = Millis{30'000}, .factor = 3, .spread = 0.5};

}  // namespace coworker::civi
