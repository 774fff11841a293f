#include "daemon/application/processors.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include <sched.h>

namespace remapd::application {
namespace fs = std::filesystem;
namespace {

// "50000 100000": microseconds of processor time in each period; "max 100000": no bound.
std::optional<double> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// The same in two files; a quota of -1 is no bound.
std::optional<double> quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) {
    return quota / period;
  }
  return std::nullopt;
}

std::optional<double> least(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// Of the group of this path below `mount` and all around it. In a container the path may be the
// host's: then only the mount itself is there.
template <class Quota>
std::optional<double> least_quota(const fs::path& mount, const std::string& path, Quota quota) {
  std::optional<double> found = quota(mount);
  fs::path group = mount;
  for (const fs::path& name : fs::path(path).relative_path()) {
    group /= name;
    found = least(found, quota(group));
  }
  return found;
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

std::size_t processors_of_affinity() {
  for (int processors = 1024; processors <= (1 << 20); processors *= 2) {
    cpu_set_t* const set = CPU_ALLOC(processors);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    const bool known = ::sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (known) return static_cast<std::size_t>(std::max(count, 1));
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace

// Lines "hierarchy:controllers:path"; version 2 is hierarchy 0 without controllers (cgroups(7)).
std::optional<double> cpu_quota(const fs::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  const fs::path mounts = root / "sys/fs/cgroup";
  std::optional<double> found;
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      found = least(found, least_quota(mounts, path, quota_v2));
    } else if (names_cpu(controllers)) {
      found = least(found, least_quota(mounts / "cpu", path, quota_v1));
    }
  }
  return found;
}

std::size_t usable_processors() {
  const std::size_t allowed = processors_of_affinity();
  const auto quota = cpu_quota();
  if (!quota || *quota >= static_cast<double>(allowed)) return allowed;
  return std::max<std::size_t>(static_cast<std::size_t>(*quota), 1);
}

}  // namespace remapd::application
