// Logs with a structure that a mapping can find: ids fall into groups that behave alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/random.h"
#include "evaluation/event_log.h"
#include "tests/support/temp_dir.h"

namespace remapd::evaluation {

inline constexpr std::uint32_t kPlantedUsers = 1'600;  // more than kUnmappedIds
inline constexpr std::uint32_t kPlantedItems = 1'400;
inline constexpr std::uint32_t kPlantedGroups = 4;

// An id's group is its value modulo kPlantedGroups. Label 1, nine times in ten, if the groups of
// user and item add up to kPlantedGroups - 1 or more; days mean nothing.
inline std::string labelled_log(std::size_t events) {
  Random random(7);
  std::string out = "timestamp\tlabel\tuser\titem\tday\n";
  for (std::size_t i = 0; i < events; ++i) {
    const std::uint64_t user = random.below(kPlantedUsers);
    const std::uint64_t item = random.below(kPlantedItems);
    const bool liked = user % kPlantedGroups + item % kPlantedGroups >= kPlantedGroups - 1;
    const bool label = random.below(10) == 0 ? !liked : liked;
    out += fmt::format("{}\t{}\t{}\t{}\t{}\n", i, label ? 1 : 0, user, item, i % 7);
  }
  return out;
}

inline EventLog read_log(const std::filesystem::path& path,
                         std::vector<std::string> features = {"user", "item", "day"}) {
  EventLogOptions options;
  options.path = path;
  options.features = std::move(features);
  auto log = EventLog::read(options, [](std::size_t) {});
  REMAPD_CHECK(log.has_value(), "a planted log can be read");
  return std::move(*log);
}

inline EventLog make_log(const std::string& text,
                         std::vector<std::string> features = {"user", "item", "day"}) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "log.tsv", text);
  return read_log(dir / "log.tsv", std::move(features));
}

}  // namespace remapd::evaluation
