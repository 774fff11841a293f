// The first messages of a topic, for finding out what is in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "connectors/kafka/kafka_settings.h"
#include "connectors/kafka/record_log.h"
#include "core/base/result.h"

namespace remapd::kafka {

// Hands out about `at_most` messages, the oldest ones of each partition: as many of each where all
// have enough. kNotFound, no such topic; kUnavailable when nothing comes for `timeout`.
Result<void> sample_topic(const KafkaSettings& settings, const std::string& topic,
                          std::uint64_t at_most, std::chrono::milliseconds timeout,
                          const std::function<void(const LogRecord&)>& visit);

}  // namespace remapd::kafka
