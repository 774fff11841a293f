#include "daemon/application/processors.h"

#include <string_view>

#include <gtest/gtest.h>
#include <sched.h>

#include "tests/support/temp_dir.h"

namespace remapd::application {
namespace {

class CpuQuota : public testing::Test {
 protected:
  // A file of /proc or /sys.
  void put(std::string_view path, std::string_view text) {
    const auto file = dir_ / std::string(path);
    std::filesystem::create_directories(file.parent_path());
    test_support::write_file(file, std::string(text));
  }
  std::optional<double> quota() const { return cpu_quota(dir_.path()); }

  test_support::TempDir dir_;
};

TEST_F(CpuQuota, NoneWhereThereAreNoControlGroups) {
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuota, OfTheGroupOrAnyAroundIt) {
  put("proc/self/cgroup", "0::/system.slice/remapd.service\n");
  EXPECT_EQ(quota(), std::nullopt);
  put("sys/fs/cgroup/system.slice/remapd.service/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  put("sys/fs/cgroup/system.slice/remapd.service/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 2.5);
  put("sys/fs/cgroup/system.slice/cpu.max", "50000 50000\n");
  EXPECT_EQ(quota(), 1.0);
}

TEST_F(CpuQuota, OfAContainer) {
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 1.0);
}

TEST_F(CpuQuota, OfVersion1) {
  put("proc/self/cgroup", "12:cpuset:/\n4:cpuacct,cpu:/docker/ab12\n1:name=systemd:/docker/ab12\n");
  put("sys/fs/cgroup/cpu/docker/ab12/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/docker/ab12/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  put("sys/fs/cgroup/cpu/docker/ab12/cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(quota(), 1.5);
}

// The path is the host's, and the container sees only its own group.
TEST_F(CpuQuota, OfAContainerOfVersion1) {
  put("proc/self/cgroup", "4:cpu,cpuacct:/docker/ab12\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 3.0);
}

TEST_F(CpuQuota, WhatCannotBeReadBoundsNothing) {
  put("proc/self/cgroup", "rubbish\n0::/a\n");
  for (const char* text : {"", "max", "-5 100000", "5 0", "x y"}) {
    put("sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST(UsableProcessors, FollowTheAffinity) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_processors(), 1U);
  EXPECT_LE(usable_processors(), static_cast<std::size_t>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_processors(), 1U);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace remapd::application
