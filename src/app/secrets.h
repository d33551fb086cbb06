#pragma once

namespace coworker::app {

/// Overwrites the secrets among the arguments, so that nobody else sees them in the list of processes, and warns on
/// standard error about each: values of flags that are secrets, and what stands in the address of a site. To be
/// called once the arguments were read.
void hide_secrets(int argc, char** argv);

}  // namespace coworker::app
