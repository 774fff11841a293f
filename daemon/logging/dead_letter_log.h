// Dead letters on their way to a sink, told in the log: the first at once, then at most one line an
// interval, with how many there were since the last. So a poisoned stream neither goes unnoticed
// nor fills the log.
//
// Not thread safe, as the sink it stands before.
#pragma once

#include <chrono>

#include "core/base/clock.h"
#include "core/pipeline/dead_letter_sink.h"
#include "daemon/logging/logger.h"

namespace remapd::logging {

class DeadLetterLog final : public pipeline::DeadLetterSink {
 public:
  // `sink` may be null: letters are then only told. All must outlive this.
  DeadLetterLog(pipeline::DeadLetterSink* sink, Logger& log, const Clock& clock,
                std::chrono::milliseconds interval = std::chrono::seconds(10));

  Result<void> accept(const pipeline::DeadLetter& letter) override;
  Result<void> show() override;
  Result<void> flush() override;

 private:
  pipeline::DeadLetterSink* sink_;
  Logger& log_;
  const Clock& clock_;
  std::chrono::milliseconds interval_;
  std::chrono::steady_clock::time_point next_line_;
  std::uint64_t untold_ = 0;
};

}  // namespace remapd::logging
