#include "civi/claim.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

namespace coworker::civi {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kOutcomes> kNames{"ok",         "retry", "delete", "abort",
                                                         "relinquish", "error", "died",   "unsent"};

std::int64_t number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->as_int64();
  std::int64_t number = 0;
  if (value->is_string()) {
    const json::string& text = value->as_string();
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

Identity identity_of(const json::object& item) {
  const json::value* run_as = item.if_contains("run_as");
  if (run_as == nullptr || !run_as->is_object()) return {};
  return {number_in(run_as->as_object(), "domainId"), number_in(run_as->as_object(), "contactId")};
}

bool is_id(const json::value* value) {
  return value != nullptr && (value->is_string() || value->is_int64());
}

ItemOutcome outcome_named(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.begin() + 5, name);
  return found == kNames.begin() + 5 ? ItemOutcome::error : static_cast<ItemOutcome>(found - kNames.begin());
}

}  // namespace

std::string id_text(const json::value& id) {
  return id.is_string() ? std::string{id.as_string()} : json::serialize(id);
}

std::string Group::ids() const {
  std::string text;
  for (const Item& item : items) text += (text.empty() ? "#" : ", #") + id_text(item.id);
  return text;
}

json::array Group::references() const {
  json::array all;
  for (const Item& item : items) all.push_back(json::object{{"id", item.id}, {"queue", item.queue}});
  return all;
}

std::vector<Group> split_claim(const json::value& claimed, const std::string& queue) {
  std::vector<Group> groups;
  if (!claimed.is_array()) return groups;
  for (const json::value& one : claimed.as_array()) {
    if (!one.is_object() || !is_id(one.as_object().if_contains("id"))) continue;
    Item item{one.as_object().at("id"), queue, identity_of(one.as_object())};
    if (groups.empty() || groups.back().identity != item.run_as) groups.push_back({item.run_as, {}});
    groups.back().items.push_back(std::move(item));
  }
  return groups;
}

std::string_view to_string(ItemOutcome outcome) {
  return kNames[static_cast<std::size_t>(outcome)];
}

std::vector<ItemOutcome> read_outcomes(const Group& group, const json::value& results) {
  std::vector<ItemOutcome> outcomes(group.items.size(), ItemOutcome::error);
  if (!results.is_array()) return outcomes;
  for (const json::value& result : results.as_array()) {
    const json::object* object = result.if_object();
    const json::value* item = object != nullptr ? object->if_contains("item") : nullptr;
    const json::value* outcome = object != nullptr ? object->if_contains("outcome") : nullptr;
    if (item == nullptr || !item->is_object() || outcome == nullptr || !outcome->is_string()) continue;
    const json::value* id = item->as_object().if_contains("id");
    if (!is_id(id)) continue;
    const std::string text = id_text(*id);
    const auto found = std::find_if(group.items.begin(), group.items.end(),
                                    [&](const Item& each) { return id_text(each.id) == text; });
    if (found == group.items.end()) continue;
    outcomes[static_cast<std::size_t>(found - group.items.begin())] = outcome_named(outcome->as_string());
  }
  return outcomes;
}

}  // namespace coworker::civi
