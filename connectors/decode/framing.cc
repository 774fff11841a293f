#include "connectors/decode/framing.h"

#include <cstddef>

namespace remapd::decode {
namespace {

constexpr std::size_t kHeaderBytes = 5;
constexpr std::int64_t kMaxIndexes = 64;  // how deep messages are nested in messages

std::optional<std::int64_t> take_zigzag(ByteView& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FramedMessage> unframe(ByteView message) {
  if (message.size() < kHeaderBytes || message.front() != std::byte{0}) return std::nullopt;
  FramedMessage framed;
  for (std::size_t i = 1; i < kHeaderBytes; ++i) {
    framed.schema = framed.schema << 8 | std::to_integer<std::uint32_t>(message[i]);
  }
  framed.body = message.subspan(kHeaderBytes);
  return framed;
}

std::optional<std::vector<int>> take_message_indexes(ByteView& body) {
  const auto count = take_zigzag(body);
  if (!count || *count < 0 || *count > kMaxIndexes) return std::nullopt;
  if (*count == 0) return std::vector<int>{0};  // the first message, by far the most frequent
  std::vector<int> indexes;
  for (std::int64_t i = 0; i < *count; ++i) {
    const auto index = take_zigzag(body);
    if (!index || *index < 0 || *index > 1'000'000) return std::nullopt;
    indexes.push_back(static_cast<int>(*index));
  }
  return indexes;
}

}  // namespace remapd::decode
