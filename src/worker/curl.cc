// What setopt checks at compile time it can check for its own name only.
#define CURL_DISABLE_TYPECHECK
#include "worker/curl.h"

#include <dlfcn.h>

#include <mutex>

namespace coworker::worker {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, Curl& curl) {
  decltype(&::curl_global_init) global_init = nullptr;
  return find(library, "curl_global_init", global_init) && find(library, "curl_easy_init", curl.easy_init) &&
         find(library, "curl_easy_cleanup", curl.easy_cleanup) && find(library, "curl_easy_setopt", curl.easy_setopt) &&
         find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
         find(library, "curl_easy_strerror", curl.easy_strerror) &&
         find(library, "curl_slist_append", curl.slist_append) &&
         find(library, "curl_slist_free_all", curl.slist_free_all) &&
         find(library, "curl_multi_init", curl.multi_init) && find(library, "curl_multi_cleanup", curl.multi_cleanup) &&
         find(library, "curl_multi_setopt", curl.multi_setopt) &&
         find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
         find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
         find(library, "curl_multi_socket_action", curl.multi_socket_action) &&
         find(library, "curl_multi_assign", curl.multi_assign) &&
         find(library, "curl_multi_info_read", curl.multi_info_read) && global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

}  // namespace

Result<const Curl*> Curl::load() {
  static std::mutex mutex;
  static Curl curl;
  static bool loaded = false;
  const std::lock_guard lock{mutex};
  if (loaded) return &curl;
  void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Errc::unavailable,
                std::string{"load libcurl for http workers (Debian's package libcurl4): "} + ::dlerror());
  }
  if (!find_all(library, curl)) return fail(Errc::unavailable, "libcurl.so.4 is too old for http workers");
  loaded = true;
  return &curl;
}

}  // namespace coworker::worker
