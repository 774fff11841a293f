// Whether a configuration fits what an earlier daemon left where it would go on: its newest
// checkpoint, and the versions published in its directory. Reads the first bytes of each; creates
// and changes nothing.
#pragma once

#include <vector>

#include "daemon/cli/reachability.h"
#include "daemon/config/config.h"

namespace remapd::cli {

// A checkpoint that cannot be loaded is a problem: the daemon would not start. What it goes on from
// with a loss, or with a change that trainers notice, is a note.
std::vector<Finding> fits_existing_state(const config::Config& config);

}  // namespace remapd::cli
