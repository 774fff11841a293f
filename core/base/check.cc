#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace remapd::internal {

void check_failed(const char* condition, const char* message, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace remapd::internal
