// Port: where messages go that cannot be read, with the reason and their coordinates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::pipeline {

struct DeadLetter {
  ByteView payload;    // the message as it came; valid during the call
  std::string reason;  // for people
  std::string origin;  // topic or file
  std::uint32_t partition = 0;
  std::int64_t offset = -1;  // message offset, or line number of a file
};

class DeadLetterSink {
 public:
  virtual ~DeadLetterSink() = default;

  // Accepted for delivery; flush() makes it durable and reports what could not be delivered.
  virtual Result<void> accept(const DeadLetter& letter) = 0;
  virtual Result<void> flush() = 0;
};

}  // namespace remapd::pipeline
