#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "journal/recovery.h"

namespace coworker::journal {

/// Keeps all that recovery hands out, for tests and tools.
struct Found : Recovery {
  struct Seen {
    Position position;
    std::string head;
    std::uint32_t body_bytes;
  };
  struct Checkpoint {
    Position as_of;
    std::string text;
  };

  Result<> checkpoint(Position as_of, Bytes bytes) override {
    checkpoints.push_back({as_of, std::string{as_text(bytes)}});
    return {};
  }
  Result<> item(Position position, Bytes head, std::uint32_t body_bytes) override {
    items.push_back({position, std::string{as_text(head)}, body_bytes});
    return {};
  }

  std::vector<Seen> items;
  std::vector<Checkpoint> checkpoints;
};

}  // namespace coworker::journal
