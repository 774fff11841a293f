// Which bytes a Range header asks for (RFC 9110, section 14). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace remapd::admin {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // > 0
};

enum class RangeKind : std::uint8_t {
  kWhole,          // no range, more than one, or one this server does not understand
  kPart,           // `range`
  kUnsatisfiable,  // beyond the end
};

struct RangeAsked {
  RangeKind kind = RangeKind::kWhole;
  ByteRange range{};
};

// "bytes=0-99", "bytes=100-", "bytes=-100" (the last hundred) of `size` bytes.
RangeAsked parse_range(std::string_view header, std::uint64_t size);

}  // namespace remapd::admin
