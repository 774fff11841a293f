// Parses librdkafka's statistics (its STATISTICS.md).
#pragma once

#include <optional>
#include <string_view>

#include "core/pipeline/event_source.h"

namespace remapd::kafka {

// None if it is not librdkafka's JSON; missing members count as 0.
std::optional<pipeline::BrokerStatistics> parse_statistics(std::string_view json);

}  // namespace remapd::kafka
