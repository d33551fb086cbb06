#include "proc/program.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <span>

namespace coworker::proc {
namespace {

std::string hexadecimal(std::span<const unsigned char> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

/// The notes of one PT_NOTE segment: a header, the name, the description, each padded to 4 bytes.
std::string find_build_id(std::span<const unsigned char> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof header);
    const std::size_t name = sizeof header;
    const std::size_t description = name + padded(header.n_namesz);
    const std::size_t end = description + padded(header.n_descsz);
    if (end > notes.size()) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(&notes[name], "GNU", 4) == 0) {
      return hexadecimal(notes.subspan(description, header.n_descsz));
    }
    notes = notes.subspan(end);
  }
  return {};
}

int visit(dl_phdr_info* info, std::size_t, void* out) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* start = reinterpret_cast<const unsigned char*>(info->dlpi_addr + segment.p_vaddr);
    std::string found = find_build_id({start, segment.p_memsz});
    if (!found.empty()) {
      *static_cast<std::string*>(out) = std::move(found);
      break;
    }
  }
  return 1;  // the first object is the program; the libraries do not matter
}

}  // namespace

Result<int> own_program() {
  static const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::internal, "open the running program: /proc/self/exe is not there");
  return fd;
}

std::string build_id() {
  std::string id;
  ::dl_iterate_phdr(visit, &id);
  return id;
}

void name_process(const char* name) {
  ::prctl(PR_SET_NAME, name);
}

}  // namespace coworker::proc
