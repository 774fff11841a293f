#include "connectors/kafka/damaged_stretch.h"

#include <gtest/gtest.h>

namespace remapd::kafka {
namespace {

TEST(DamagedStretch, FindsTheFirstOffsetBehindIt) {
  for (const std::int64_t first : {std::int64_t{0}, std::int64_t{9'000'000'000}}) {
    for (std::int64_t length = 1; length <= 300; ++length) {
      DamagedStretch stretch(first);
      int tries = 0;
      while (!stretch.found()) {
        ASSERT_LT(++tries, 20) << length;
        if (stretch.probe() < first + length) {
          stretch.probe_failed();
        } else {
          stretch.probe_succeeded();
        }
      }
      EXPECT_EQ(stretch.first(), first);
      EXPECT_EQ(stretch.end(), first + length);
    }
  }
}

}  // namespace
}  // namespace remapd::kafka
