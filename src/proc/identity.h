#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "proc/launch.h"

namespace coworker::proc {

/// The identity that "user", "user:group" or numbers name, with the user's supplementary groups. not_found: there is no
/// such user or group. Asks the system's user database; blocking.
Result<Identity> find_identity(const std::string& text);

/// HOME, USER and LOGNAME of that identity's user, if the database knows it.
void set_user_variables(std::vector<std::string>& environment, uid_t user);

}  // namespace coworker::proc
