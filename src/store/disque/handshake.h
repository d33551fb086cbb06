#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "store/disque/connection.h"
#include "store/disque/dialect.h"
#include "store/disque/nodes.h"

namespace coworker::store::disque {

/// Who answered on a connection.
struct Server {
  const Dialect* dialect = nullptr;
  Capabilities capabilities{};
  std::string session;          // of a coworker broker: its name for this connection
  bool cancels_claims = false;  // the broker knows CW.CANCEL
};

/// AUTH if there is a password, then CW.HELLO, or HELLO where that is not known. `done` is called once; `denied` when
/// the password is missing or wrong, `unavailable` when it is no server of the Disque protocol.
void shake_hands(const std::shared_ptr<Connection>& connection, const std::string& password,
                 std::function<void(Result<Server>)> done);

/// Asks the server for the nodes it knows. `done` is called once; what it says in another form than HELLO's is an
/// error.
void ask_nodes(const std::shared_ptr<Connection>& connection, std::function<void(Result<Hello>)> done);

}  // namespace coworker::store::disque
