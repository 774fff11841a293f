// REMAPD_CHECK(condition, "what must hold"): an invariant of this program. Aborts in every build
// type: a daemon that goes on with a broken invariant would publish a wrong mapping.
#pragma once

namespace remapd::internal {
[[noreturn]] void check_failed(const char* condition, const char* message, const char* file,
                               int line);
}  // namespace remapd::internal

#define REMAPD_CHECK(condition, message) \
  (static_cast<bool>(condition)          \
       ? static_cast<void>(0)            \
       : ::remapd::internal::check_failed(#condition, message, __FILE__, __LINE__))
