#include "daemon/cli/exit_code.h"

namespace remapd::cli {

ExitCode exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return ExitCode::kUsage;
    case ErrorCode::kConfig:
      return ExitCode::kConfig;
    case ErrorCode::kNotFound:
    case ErrorCode::kIo:
      return error.retryable ? ExitCode::kTemporary : ExitCode::kIo;
    case ErrorCode::kUnavailable:
    case ErrorCode::kResource:
      return ExitCode::kTemporary;
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
    case ErrorCode::kConflict:
    case ErrorCode::kCancelled:
      break;
  }
  return ExitCode::kFailure;
}

}  // namespace remapd::cli
