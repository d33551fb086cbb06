#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/state.h"
#include "journal/journal.h"

namespace coworker::store {

/// Keeps the journal's size in proportion to what lives: re-appends the living items of the oldest
/// segment, a slice at a time, and drops it.
///
/// Disk use stays below about twice the living bytes and a few segments; each byte added is rewritten
/// about once. Under pressure (an add was refused for lack of room) it goes once round the whole
/// journal, whatever that costs.
class Compactor {
 public:
  Compactor(engine::State& state, journal::Journal& journal) : state_{state}, journal_{journal} {}

  /// An add found no room.
  void press();

  bool wants() const;

  /// One slice of work. An error: no room even for that, or damage; try again later.
  Result<> slice();

 private:
  struct Rewritten {
    std::string head;
    std::string body;
    engine::Effects::Item item;
  };

  Result<> collect(journal::Position from, journal::Position& next);
  Result<> append();
  std::uint64_t used() const { return journal_.end() - journal_.oldest(); }

  engine::State& state_;
  journal::Journal& journal_;
  engine::Effects effects_;
  std::vector<Rewritten> rewritten_;
  journal::Position segment_ = 0;     // the one in work, by its begin
  journal::Position next_ = 0;        // where its next slice begins; 0: at its begin
  std::uint64_t kept_ = 0;            // bytes re-appended from it
  journal::Position rest_until_ = 0;  // the oldest segment was nearly all alive: wait for so much to be appended
  journal::Position pressed_until_ = 0;
};

}  // namespace coworker::store
