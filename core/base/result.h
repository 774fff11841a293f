// Result<T>: the return type of every function that can fail: a value or an Error.
//
// An Error has a code for the caller to branch on, a message that an operator can act on, and
// whether the same call may succeed later. Exceptions of libraries are turned into Errors where the
// library is called.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace remapd {

enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that can never work
  kConfig,           // a configuration key must be changed; the message names it
  kCorrupt,          // bytes that fail their checksum or break their format
  kUnsupported,      // another format version, or a feature this build lacks
  kNotFound,
  kConflict,     // contradicts another instance, version, epoch or configuration
  kIo,           // file system
  kUnavailable,  // network or broker; usually retryable
  kResource,     // out of memory or space, or a configured bound reached
  kCancelled,
};

std::string_view to_string(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string message;
  bool retryable = false;

  // The same error with `context` before its message: "CONTEXT: MESSAGE".
  Error with_context(std::string_view context) && {
    message = std::string(context) + ": " + message;
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, bool retryable = false) {
  return tl::unexpected<Error>(Error{code, std::move(message), retryable});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace remapd
