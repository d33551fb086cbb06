#pragma once

#include <string>
#include <vector>

#include "coworker/worker_factory.h"
#include "worker/shared_socket.h"

namespace coworker::worker {

/// How a connection to a shared worker is come by.
struct SharedStart {
  const Profile& profile;
  channel::Address address;
  std::string name{};  // both empty: nothing is started
  std::vector<std::string> command{};

  bool may_start() const { return !name.empty() || !command.empty(); }
};

/// Connects, after starting the worker if nobody listens.
Answer<Fd> connect_or_start(const SharedStart& start, Deadline deadline);

/// Starts it; `failed` when somebody listens there.
Answer<> start_shared(const SharedStart& start, Deadline deadline);

/// The profile's cookie, wherever it says that it is; empty: none.
Answer<std::string> cookie_of(const Profile& profile);

}  // namespace coworker::worker
