// One thing that is wrong, for people and alerts: named alike in the log, in /status, in the metric
// remapd_problem and on the page.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remapd::application {

// In the order in which they are told: what stops everything first.
enum class ProblemCode : std::uint8_t {
  kCannotRead,          // no events are read
  kCannotPublish,       // versions of a table are not published
  kCannotSave,          // checkpoints
  kUnreadableMessages,  // half of all messages or more
  kFeatureMissing,      // a feature that no event has had
  kTableEmpty,          // a table without ids: it has no versions
  kLabelsMissing,       // a label that the configuration names and no event has had
  kLabelsOfOneClass,    // all labels are alike: nothing can be learned from them
  kLagStandsStill,      // messages are there and none is read
  kManyNewIds,          // most accesses are of ids that the mapping does not know
};
inline constexpr std::size_t kProblemCodes = 10;
std::string_view to_string(ProblemCode code);  // "cannot_read"

struct Problem {
  ProblemCode code = ProblemCode::kCannotRead;
  std::string where{};        // "feature usr", "table item", "kafka remap.events"
  std::string what{};         // what was found, with figures
  std::string advice{};       // what to do; empty: nothing, it passes by itself
  std::int64_t since_ms = 0;  // Unix milliseconds

  friend bool operator==(const Problem&, const Problem&) = default;
};

}  // namespace remapd::application
