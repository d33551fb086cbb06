#include "store/embedded/meta.h"

#include <charconv>
#include <cstdio>
#include <sstream>

namespace coworker::store {
namespace {

constexpr std::string_view kTitle = "coworker-store";
constexpr int kVersion = 1;

std::string hex(std::uint64_t value, int digits) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return std::string{text + 16 - digits};
}

bool read_number(const std::string& text, int base, auto& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

engine::IdMint Meta::mint() const {
  std::uint32_t prefix = 0;
  read_number(node.substr(0, 8), 16, prefix);
  return {.node = prefix, .secret = secret};
}

std::string to_text(const Meta& meta) {
  std::ostringstream text;
  text << kTitle << ' ' << kVersion << "\nnode " << meta.node << "\nsecret " << hex(meta.secret, 16) << "\nepoch "
       << meta.epoch << '\n';
  return text.str();
}

Result<Meta> parse_meta(std::string_view bytes) {
  std::istringstream text{std::string{bytes}};
  std::string title, node, secret, epoch, word;
  int version = 0;
  text >> title >> version;
  if (title != kTitle) return fail(Errc::corrupt, "file 'meta' does not begin with 'coworker-store'");
  if (version > kVersion) {
    return fail(Errc::unavailable, "the store is of format " + std::to_string(version) + "; this program knows up to " +
                                       std::to_string(kVersion) + ": use a newer one");
  }
  Meta meta;
  text >> word >> node;
  if (word != "node" || node.size() != 40 || node.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(Errc::corrupt, "file 'meta': line 2 is not 'node' and 40 hex digits");
  }
  meta.node = node;
  text >> word >> secret;
  if (word != "secret" || !read_number(secret, 16, meta.secret)) {
    return fail(Errc::corrupt, "file 'meta': line 3 is not 'secret' and 16 hex digits");
  }
  text >> word >> epoch;
  if (word != "epoch" || !read_number(epoch, 10, meta.epoch)) {
    return fail(Errc::corrupt, "file 'meta': line 4 is not 'epoch' and a number");
  }
  return meta;
}

Result<Meta> begin_epoch(journal::Disk& disk, std::uint64_t (*random)()) {
  Meta meta;
  if (auto bytes = journal::read_small(disk, kMetaFile)) {
    auto parsed = parse_meta(*bytes);
    if (!parsed) return tl::unexpected{std::move(parsed.error()).wrap("open '" + disk.where() + "'")};
    meta = *parsed;
  } else if (bytes.error().code() == Errc::not_found) {
    meta.node = hex(random(), 16) + hex(random(), 16) + hex(random(), 8);
    meta.secret = random();
  } else {
    return tl::unexpected{bytes.error()};
  }
  if (meta.epoch >= engine::kLastEpoch) {
    return fail(Errc::resource_exhausted,
                "the store '" + disk.where() + "' was opened 16,777,215 times; move its jobs to a new one");
  }
  ++meta.epoch;
  const std::string text = to_text(meta);
  if (auto saved = journal::replace_small(disk, kMetaFile, journal::as_bytes(text)); !saved) {
    return tl::unexpected{std::move(saved.error()).wrap("begin an epoch of '" + disk.where() + "'")};
  }
  return meta;
}

}  // namespace coworker::store
