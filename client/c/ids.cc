#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/c/call.h"
#include "core/fields/id_rule.h"

using remapd::ErrorCode;
using remapd::Result;
namespace c_api = remapd::c_api;

namespace {

Result<void> put_id(std::string_view text, std::size_t at, uint64_t& id) {
  const auto found = remapd::fields::id_of_text(text);
  if (!found) {
    return remapd::fail(
        ErrorCode::kInvalidArgument,
        fmt::format("ids[{}] is a text of nothing but blanks, which is no id: leave "
                    "it out, or give it an id of its own",
                    at));
  }
  id = *found;
  return {};
}

// False for a surrogate, and what lies beyond Unicode.
bool append_utf8(std::string& text, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto put_last = [&](std::uint32_t bits) { put(0x80 | (bits & 0x3f)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put_last(c);
  } else if (c < 0x10000) {
    if (c >= 0xd800 && c < 0xe000) return false;
    put(0xe0 | c >> 12);
    put_last(c >> 6);
    put_last(c);
  } else {
    if (c >= 0x110000) return false;
    put(0xf0 | c >> 18);
    put_last(c >> 12);
    put_last(c >> 6);
    put_last(c);
  }
  return true;
}

}  // namespace

extern "C" {

remap_status remap_id_of_text(const char* text, size_t length, uint64_t* id) {
  return c_api::call([&]() -> Result<void> {
    if (length != 0 && text == nullptr) return remapd::fail(c_api::null_argument("text"));
    if (id == nullptr) return remapd::fail(c_api::null_argument("id"));
    const auto found = remapd::fields::id_of_text({text, length});
    if (!found) {
      return remapd::fail(ErrorCode::kInvalidArgument,
                          "a text of nothing but blanks is no id: leave it out");
    }
    *id = *found;
    return {};
  });
}

remap_status remap_ids_of_texts(const char* bytes, const uint64_t* ends, size_t count,
                                uint64_t* ids) {
  return c_api::call([&]() -> Result<void> {
    if (count == 0) return {};
    if (bytes == nullptr) return remapd::fail(c_api::null_argument("bytes"));
    if (ends == nullptr) return remapd::fail(c_api::null_argument("ends"));
    if (ids == nullptr) return remapd::fail(c_api::null_argument("ids"));
    uint64_t begin = 0;
    for (std::size_t i = 0; i < count; begin = ends[i], ++i) {
      if (ends[i] < begin) {
        return remapd::fail(
            ErrorCode::kInvalidArgument,
            fmt::format("ends[{}] is {}, below the one before it, {}", i, ends[i], begin));
      }
      if (auto put = put_id({bytes + begin, ends[i] - begin}, i, ids[i]); !put) return put;
    }
    return {};
  });
}

remap_status remap_ids_of_utf8_items(const char* items, size_t width, size_t count, uint64_t* ids) {
  return c_api::call([&]() -> Result<void> {
    if (count == 0) return {};
    if (width != 0 && items == nullptr) return remapd::fail(c_api::null_argument("items"));
    if (ids == nullptr) return remapd::fail(c_api::null_argument("ids"));
    for (std::size_t i = 0; i < count; ++i) {
      std::string_view text(items + i * width, width);
      while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
      if (auto put = put_id(text, i, ids[i]); !put) return put;
    }
    return {};
  });
}

remap_status remap_ids_of_utf32_items(const uint32_t* items, size_t width, size_t count,
                                      uint64_t* ids) {
  return c_api::call([&]() -> Result<void> {
    if (count == 0) return {};
    if (width != 0 && items == nullptr) return remapd::fail(c_api::null_argument("items"));
    if (ids == nullptr) return remapd::fail(c_api::null_argument("ids"));
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      const uint32_t* item = items + i * width;
      std::size_t length = width;
      while (length > 0 && item[length - 1] == 0) --length;
      text.clear();
      for (std::size_t c = 0; c < length; ++c) {
        if (!append_utf8(text, item[c])) {
          return remapd::fail(
              ErrorCode::kInvalidArgument,
              fmt::format("ids[{}]: U+{:04X} is no character of Unicode text", i, item[c]));
        }
      }
      if (auto put = put_id(text, i, ids[i]); !put) return put;
    }
    return {};
  });
}
}
