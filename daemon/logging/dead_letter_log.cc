#include "daemon/logging/dead_letter_log.h"

namespace remapd::logging {

DeadLetterLog::DeadLetterLog(pipeline::DeadLetterSink* sink, Logger& log, const Clock& clock,
                             std::chrono::milliseconds interval)
    : sink_(sink), log_(log), clock_(clock), interval_(interval), next_line_(clock.now()) {}

Result<void> DeadLetterLog::accept(const pipeline::DeadLetter& letter) {
  ++untold_;
  if (const auto now = clock_.now(); now >= next_line_) {
    log_.warning("event could not be read", {{"reason", letter.reason},
                                             {"origin", letter.origin},
                                             {"partition", letter.partition},
                                             {"offset", letter.offset},
                                             {"since_last_line", untold_}});
    untold_ = 0;
    next_line_ = now + interval_;
  }
  return sink_ != nullptr ? sink_->accept(letter) : Result<void>{};
}

Result<void> DeadLetterLog::show() {
  return sink_ != nullptr ? sink_->show() : Result<void>{};
}

Result<void> DeadLetterLog::flush() {
  return sink_ != nullptr ? sink_->flush() : Result<void>{};
}

}  // namespace remapd::logging
