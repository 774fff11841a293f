// Confluent's framing of a message: 0, the schema's number, and what follows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"

namespace remapd::decode {

struct FramedMessage {
  std::uint32_t schema = 0;
  ByteView body{};
};

// None: the message does not begin so.
std::optional<FramedMessage> unframe(ByteView message);

// Takes the message indexes off the front of a protobuf body: the path to the message's type in its
// schema. None: they are damaged.
std::optional<std::vector<int>> take_message_indexes(ByteView& body);

}  // namespace remapd::decode
