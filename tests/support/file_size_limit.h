// While it lives, no file of this process can grow beyond a size: writes fail with EFBIG, as they
// do with ENOSPC on a full disk, for root too. Do not write test output meanwhile.
#pragma once

#include <signal.h>
#include <sys/resource.h>

#include "core/base/check.h"

namespace remapd::test_support {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    REMAPD_CHECK(::getrlimit(RLIMIT_FSIZE, &previous_) == 0, "limits can be read");
    rlimit limit = previous_;
    limit.rlim_cur = bytes;
    REMAPD_CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "limits can be lowered");
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    ::signal(SIGXFSZ, previous_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit previous_{};
  void (*previous_handler_)(int) = SIG_DFL;
};

}  // namespace remapd::test_support
