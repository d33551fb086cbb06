#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "civi/identity.h"

namespace coworker::civi {

/// An item of a queue, as it was claimed.
struct Item {
  boost::json::value id;  // a text or a number, to be given back as it came
  std::string queue;
  Identity run_as;
};

/// The id as text.
std::string id_text(const boost::json::value& id);

/// Items that one call runs, all as the same identity.
struct Group {
  Identity identity;
  std::vector<Item> items;

  /// "#5, #6", for people.
  std::string ids() const;
  /// [{"id":"5","queue":"mail"},…]
  boost::json::array references() const;
};

/// What Queue.claimItems gave, cut where the identity changes: the order stays, and no two identities are mixed.
/// What is no item is left out.
std::vector<Group> split_claim(const boost::json::value& claimed, const std::string& queue);

/// What became of an item, as CiviCRM says it; `error` and `died` are ours.
enum class ItemOutcome : std::uint8_t {
  ok,
  retry,         // it is claimable again, perhaps after a while
  deleted,       // it failed for the last time, and is gone
  aborted,       // it failed for the last time, and its queue has stopped
  relinquished,  // not attempted, since another one stopped the queue
  error,         // the call failed, or said nothing of it
  died,          // the worker did, or was too slow; its lease decides
  unsent,        // no worker could be had for it
};
inline constexpr std::size_t kOutcomes = 8;

std::string_view to_string(ItemOutcome outcome);

/// For each item of the group what Queue.runItems said of it, in the group's order.
std::vector<ItemOutcome> read_outcomes(const Group& group, const boost::json::value& results);

}  // namespace coworker::civi
