#include "base/build.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coworker {
namespace {

constexpr std::size_t kAlignment = 4;  // of the parts of a note

constexpr std::size_t aligned(std::size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

// Empty unless one of the notes in [at, at + size) is a GNU build id.
std::string id_in_notes(const unsigned char* at, std::size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof note);
    const std::size_t name_size = aligned(note.n_namesz);
    const std::size_t whole = sizeof note + name_size + aligned(note.n_descsz);
    if (whole > size) break;
    const unsigned char* name = at + sizeof note;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      return hex(name + name_size, note.n_descsz);
    }
    at += whole;
    size -= whole;
  }
  return {};
}

}  // namespace

std::string_view version() noexcept {
  return CW_VERSION;
}

std::string build_id() {
  const auto* headers = reinterpret_cast<const ElfW(Phdr)*>(::getauxval(AT_PHDR));
  const std::size_t count = ::getauxval(AT_PHNUM);
  if (headers == nullptr) return {};
  // The program may be loaded anywhere: the headers' own entry tells how far it was moved.
  std::uintptr_t moved = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (headers[i].p_type == PT_PHDR) moved = reinterpret_cast<std::uintptr_t>(headers) - headers[i].p_vaddr;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (headers[i].p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const unsigned char*>(moved + headers[i].p_vaddr);
    if (std::string id = id_in_notes(notes, headers[i].p_memsz); !id.empty()) return id;
  }
  return {};
}

}  // namespace coworker
