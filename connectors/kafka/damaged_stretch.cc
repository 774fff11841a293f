#include "connectors/kafka/damaged_stretch.h"

#include <fmt/format.h>

namespace remapd::kafka {

std::string damage_found(std::string_view topic, const DamagedStretch& damage) {
  return fmt::format(
      "topic \"{}\": the log of the broker is damaged from offset {} to {}: passed over", topic,
      damage.first(), damage.end() - 1);
}

}  // namespace remapd::kafka
