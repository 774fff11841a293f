// What every function of remap.h does around its work: turn errors and exceptions into a status
// and the calling thread's last error. Thread safe: the last error is thread local.
#pragma once

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "client/c/remap.h"
#include "core/base/result.h"

namespace remapd::c_api {

remap_status status_of(ErrorCode code);
// Never throws: a message that cannot be kept is replaced by one that can.
remap_status set_error(remap_status status, std::string_view message, bool retryable) noexcept;

inline Error null_argument(std::string_view name) {
  return {ErrorCode::kInvalidArgument, "argument " + std::string(name) + " is NULL", false};
}

// `work` returns Result<void>.
template <class Work>
remap_status call(Work&& work) noexcept {
  try {
    const Result<void> result = work();
    if (result) return REMAP_OK;
    return set_error(status_of(result.error().code), result.error().message,
                     result.error().retryable);
  } catch (const std::bad_alloc&) {
    return set_error(REMAP_RESOURCE, "out of memory", false);
  } catch (const std::exception& e) {
    return set_error(REMAP_INTERNAL, e.what(), false);
  } catch (...) {
    return set_error(REMAP_INTERNAL, "an exception of unknown type", false);
  }
}

// Fills a structure that begins with struct_size from `filled`, no further than the caller's
// structure goes.
template <class Struct>
Result<void> copy_out(const Struct& filled, Struct* out, std::string_view name) {
  if (out == nullptr) return fail(null_argument(name));
  const std::size_t size = out->struct_size;
  if (size < sizeof(std::size_t)) {
    return fail(ErrorCode::kInvalidArgument, "set " + std::string(name) +
                                                 "->struct_size to sizeof of the structure before "
                                                 "the call");
  }
  std::memcpy(out, &filled, size < sizeof(Struct) ? size : sizeof(Struct));
  out->struct_size = size;
  return {};
}

// The caller's options, with zeros where his structure is shorter than ours.
template <class Struct>
Result<Struct> copy_in(const Struct* in, std::string_view name) {
  if (in == nullptr) return fail(null_argument(name));
  if (in->struct_size < sizeof(std::size_t)) {
    return fail(ErrorCode::kInvalidArgument,
                "set " + std::string(name) + "->struct_size to sizeof of the structure");
  }
  Struct out{};
  std::memcpy(&out, in, in->struct_size < sizeof(Struct) ? in->struct_size : sizeof(Struct));
  return out;
}

// Text into a field of fixed size, cut where it is longer.
template <std::size_t N>
void copy_text(std::string_view text, char (&field)[N]) {
  const std::size_t n = text.size() < N - 1 ? text.size() : N - 1;
  std::memcpy(field, text.data(), n);
  field[n] = '\0';
}

}  // namespace remapd::c_api
