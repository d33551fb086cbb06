#pragma once

#include "base/error.h"

namespace coworker::proc {

/// A descriptor of the program that runs, for Launch::program: own children are started from it, since the file
/// under the program's name may have been replaced by an upgrade. Opened on first use and never closed; call it at
/// the start of the program. Needs /proc.
Result<int> own_program();

/// Names this process in the process list ("coworker-keeper"); at most 15 bytes are kept.
void name_process(const char* name);

}  // namespace coworker::proc
