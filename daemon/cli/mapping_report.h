// A mapping version told to people and scripts: its description and its statistics. build, inspect
// and diff say the same things in the same words.
#pragma once

#include <nlohmann/json.hpp>

#include "core/mapping/artifact.h"
#include "core/mapping/manifest.h"
#include "core/mapping/mapping.h"
#include "daemon/cli/facts.h"
#include "daemon/cli/text_table.h"

namespace remapd::cli {

void add_info(const mapping::MappingInfo& info, Facts& facts);
void add_stats(const mapping::MappingStats& stats, Facts& facts);

// One line a version.
TextTable version_table();
void add_version_row(const mapping::MappingInfo& info, const mapping::MappingStats& stats,
                     std::uint64_t bytes, TextTable& table);

}  // namespace remapd::cli
