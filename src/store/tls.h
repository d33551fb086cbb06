#pragma once

#include "channel/tls/settings.h"

namespace coworker::store {

/// What a client of a store with a tls: address brings.
using TlsSettings = channel::tls::Settings;

}  // namespace coworker::store
