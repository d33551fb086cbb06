#include "civi/connection.h"

namespace coworker::civi {

Reply Reply::answered(boost::json::value values) {
  Reply reply;
  reply.values = std::move(values);
  return reply;
}

Reply Reply::failed(Kind kind, Errc code, std::string reason) {
  Reply reply;
  reply.kind = kind;
  reply.code = code;
  reply.reason = std::move(reason);
  return reply;
}

}  // namespace coworker::civi
