#include "client/c/call.h"

#include <string>

namespace remapd::c_api {
namespace {

struct LastError {
  std::string message;
  bool retryable = false;
};

LastError& last_error() {
  thread_local LastError error;
  return error;
}

}  // namespace

remap_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return REMAP_INVALID_ARGUMENT;
    case ErrorCode::kConfig:
      return REMAP_CONFIG;
    case ErrorCode::kCorrupt:
      return REMAP_CORRUPT;
    case ErrorCode::kUnsupported:
      return REMAP_UNSUPPORTED;
    case ErrorCode::kNotFound:
      return REMAP_NOT_FOUND;
    case ErrorCode::kConflict:
      return REMAP_CONFLICT;
    case ErrorCode::kIo:
      return REMAP_IO;
    case ErrorCode::kUnavailable:
      return REMAP_UNAVAILABLE;
    case ErrorCode::kResource:
      return REMAP_RESOURCE;
    case ErrorCode::kCancelled:
      return REMAP_CANCELLED;
  }
  return REMAP_INTERNAL;
}

remap_status set_error(remap_status status, std::string_view message, bool retryable) noexcept {
  LastError& last = last_error();
  last.retryable = retryable;
  try {
    last.message = message;
  } catch (const std::bad_alloc&) {
    last.message.clear();
  }
  return status;
}

}  // namespace remapd::c_api

extern "C" {

uint32_t remap_abi_version(void) {
  return REMAP_ABI_VERSION;
}

const char* remap_last_error(void) {
  return remapd::c_api::last_error().message.c_str();
}

int remap_last_error_retryable(void) {
  return remapd::c_api::last_error().retryable ? 1 : 0;
}
}
