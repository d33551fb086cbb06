#include "app/background.h"

#include <fmt/format.h>

#include "app/output.h"

namespace coworker::app {

Result<Background> Background::enter(const BackgroundOptions& options) {
  proc::PidFile file;
  if (!options.pid_file.empty()) {
    Result<proc::PidFile> taken = proc::PidFile::take(options.pid_file, options.leftover);
    if (!taken) return tl::unexpected{std::move(taken.error())};
    file = std::move(*taken);
  }
  proc::Detachment detachment;
  if (options.detach) {
    Result<proc::Detachment> begun = proc::Detachment::begin();
    if (!begun) return tl::unexpected{std::move(begun.error())};
    detachment = std::move(*begun);
  }
  if (Result<> written = file.write(); !written) return tl::unexpected{std::move(written.error())};
  return Background{std::move(file), std::move(detachment)};
}

void Background::leave_terminal(const std::string& log_file) {
  detachment_.leave_terminal(fmt::format("coworker: it ended before it served; {} says why\n", printable(log_file)));
}

std::vector<Flag> background_flags() {
  return {{"--daemon", "", "Go on in the background; ends as soon as it serves, with 1 if it does not come to that"},
          {"--pidfile", "FILE", "Holds its process id; a second one that names the same file is refused"}};
}

BackgroundOptions background_options(const Arguments& arguments) {
  BackgroundOptions options;
  options.detach = arguments.has("daemon");
  options.pid_file = arguments.text("pidfile").value_or("");
  return options;
}

void log_in_background(const Arguments& arguments, const std::string& file, Settings& settings) {
  if (!arguments.has("daemon") || !settings.text({"log", "file"}).empty()) return;
  settings.set({"log", "file"}, {file, "--daemon"});
}

}  // namespace coworker::app
