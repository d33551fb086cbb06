#include <cstdlib>
#include <string_view>

#include "app/broker.h"

/// `broker_program DIRECTORY LISTEN… [--durability none|interval]`: run_broker, without the command line around it.
int main(int count, char** words) {
  coworker::app::BrokerOptions options;
  options.directory = words[1];
  for (int i = 2; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--sync-acks") {
      options.sync_acks = true;
    } else {
      options.listen.emplace_back(word);
    }
  }
  return coworker::app::run_broker(options, [] {});
}
