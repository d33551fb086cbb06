#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <string_view>

#include "api/backend.h"
#include "job/command.h"

/// What is told of the system, as JSON: the same wherever it is told.
namespace coworker::api {

/// Texts of a store are bytes: what is not UTF-8 becomes U+FFFD.
boost::json::string json_text(std::string_view bytes);

boost::json::object to_json(const job::QueueView& queue);
boost::json::object to_json(const job::View& job);
boost::json::object to_json(const job::StoreTotals& totals);

/// Times are seconds, as the configuration has them: whole ones as integers.
boost::json::object to_json(const WorkerView& worker);
boost::json::object to_json(const DaemonView& daemon);
boost::json::object to_json(const Reloaded& reloaded);

}  // namespace coworker::api
