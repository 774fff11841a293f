// The exit codes of every command; those of sysexits.h where it has one.
#pragma once

#include <cstdint>

#include "core/base/result.h"

namespace remapd::cli {

enum class ExitCode : std::uint8_t {
  kOk = 0,
  kFailure = 1,     // damaged input, a conflict, a check that did not hold
  kUsage = 64,      // the command line must be changed
  kIo = 74,         // a file or directory is missing, unreadable or cannot be written
  kTemporary = 75,  // no space, no broker: the same command may succeed later
  kConfig = 78,     // the configuration must be changed; the message names the key
};

ExitCode exit_code(const Error& error);

}  // namespace remapd::cli
