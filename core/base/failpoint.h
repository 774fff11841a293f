// Failpoints: named places at which a test makes the process die, halt or fail, to test recovery.
// They are in every build; while none is armed, passing one costs a load and a branch.
//
// The daemon arms them from the environment variable REMAPD_FAILPOINTS (and says so in its log):
//
//     NAME[:HIT]=ACTION[,...]        for example  checkpoint.rename:3=kill
//
// HIT counts from 1, the default. ACTION is `kill` (SIGKILL to itself), `stop` (SIGSTOP, as if
// stalled: goes on at SIGCONT), or `ENOSPC` or `EIO` (from that hit on, as if a system call had
// failed with that error; only where the place can fail).
#pragma once

#include <atomic>
#include <span>
#include <string_view>

#include "core/base/result.h"

namespace remapd {

// Arms the failpoints of `text` (as above; empty: none) in place of those armed before. `known` is
// every name there is. Call before other threads run. kConfig for another name or action.
Result<void> arm_failpoints(std::string_view text, std::span<const std::string_view> known);

namespace internal {
extern std::atomic<bool> failpoints_armed;
int hit_failpoint(std::string_view name);
}  // namespace internal

// 0, or the errno to fail with. Thread safe.
inline int failpoint(std::string_view name) {
  return internal::failpoints_armed.load(std::memory_order_relaxed) ? internal::hit_failpoint(name)
                                                                    : 0;
}

}  // namespace remapd
