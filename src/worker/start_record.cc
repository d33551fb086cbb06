#include "worker/start_record.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/file.h"

namespace coworker::worker {
namespace {

namespace json = boost::json;

json::array texts_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

std::vector<std::string> texts_from(const json::value& value) {
  std::vector<std::string> out;
  for (const json::value& each : value.as_array()) out.emplace_back(each.as_string());
  return out;
}

}  // namespace

Result<Fd> write_record(const StartRecord& record) {
  const std::string text = json::serialize(json::object{{"name", record.name},
                                                        {"arguments", record.arguments},
                                                        {"libraries", texts_of(record.libraries)},
                                                        {"bootstrap", record.bootstrap},
                                                        {"longest", record.longest},
                                                        {"deepest", record.deepest},
                                                        {"address", record.address},
                                                        {"cookie", record.cookie},
                                                        {"kill_switch", record.kill_switch},
                                                        {"drain_ms", record.drain_ms},
                                                        {"insecure", record.insecure},
                                                        {"tls_certificate", record.tls_certificate},
                                                        {"tls_key", record.tls_key},
                                                        {"tls_client_ca", record.tls_client_ca},
                                                        {"mode", record.socket.mode},
                                                        {"backlog", record.socket.backlog},
                                                        {"keep_alive", record.socket.keep_alive},
                                                        {"command", texts_of(record.command)}});
  return memory_file("coworker-worker", text);
}

Result<StartRecord> read_record(int fd) {
  const Fd file{fd};
  const Result<std::string> text = read_all(file.get());
  if (!text) return tl::unexpected{text.error()};
  try {
    const json::value value = json::parse(*text);
    StartRecord record;
    record.name = value.at("name").as_string();
    record.arguments = value.at("arguments").as_string();
    record.libraries = texts_from(value.at("libraries"));
    record.bootstrap = value.at("bootstrap").as_string();
    record.longest = value.at("longest").to_number<std::size_t>();
    record.deepest = value.at("deepest").to_number<std::size_t>();
    record.address = value.at("address").as_string();
    record.cookie = value.at("cookie").as_string();
    record.kill_switch = value.at("kill_switch").as_string();
    record.drain_ms = value.at("drain_ms").to_number<std::int64_t>();
    record.insecure = value.at("insecure").as_bool();
    record.tls_certificate = value.at("tls_certificate").as_string();
    record.tls_key = value.at("tls_key").as_string();
    record.tls_client_ca = value.at("tls_client_ca").as_string();
    record.socket.mode = value.at("mode").to_number<unsigned>();
    record.socket.backlog = value.at("backlog").to_number<int>();
    record.socket.keep_alive = value.at("keep_alive").to_number<std::int64_t>();
    record.command = texts_from(value.at("command"));
    return record;
  } catch (const std::exception& problem) {
    return fail(Errc::invalid_argument, std::string{"this command is for coworker's own use: "} + problem.what());
  }
}

}  // namespace coworker::worker
