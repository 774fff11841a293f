// How many processors this process may use: what its affinity (taskset, cpusets) and its control
// group's CPU quota (containers, systemd's CPUQuota=) leave of the machine's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace remapd::application {

// At least 1. A quota of 2.5 processors is 2: a third thread would have all of them stopped in
// turns.
std::size_t usable_processors();

// The least quota of the process's control group and those around it, in processors; none: there is
// no bound. Control groups of version 2 and 1. `root`: where /proc and /sys are.
std::optional<double> cpu_quota(const std::filesystem::path& root = "/");

}  // namespace remapd::application
