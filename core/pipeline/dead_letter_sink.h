// Port: where messages go that cannot be decoded, with the reason and their coordinates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::pipeline {

struct DeadLetter {
  ByteView payload;    // the message, or the record of it, as it came; valid during the call
  std::string reason;  // for people
  std::string origin;  // topic or file
  std::uint32_t partition = 0;
  std::int64_t offset = -1;  // message offset, or line number of a file
  std::uint64_t line = 0;    // of the message that the record begins in, from 1; 0: all of it
};

class DeadLetterSink {
 public:
  virtual ~DeadLetterSink() = default;

  // Accepted for delivery; flush() makes it durable and reports what could not be delivered.
  virtual Result<void> accept(const DeadLetter& letter) = 0;
  // Shows what was accepted to those who look for it, without waiting until it is durable. Called
  // some times a second; what fails is tried again.
  virtual Result<void> show() { return {}; }
  virtual Result<void> flush() = 0;
};

}  // namespace remapd::pipeline
