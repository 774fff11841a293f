// What librdkafka tells of itself (its STATISTICS.md), as counters.
#pragma once

#include <optional>
#include <string_view>

#include "core/pipeline/event_source.h"

namespace remapd::kafka {

// None for what is not librdkafka's JSON; members it lacks count as 0.
std::optional<pipeline::BrokerStatistics> parse_statistics(std::string_view json);

}  // namespace remapd::kafka
