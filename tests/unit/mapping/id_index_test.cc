#include "core/mapping/id_index.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::mapping {
namespace {

TEST(IdIndex, FindsWhereIdsStand) {
  constexpr Id kLargest = std::numeric_limits<Id>::max();
  Random random(1);
  for (const std::size_t known : {0U, 1U, 2U, 31U, 32U, 33U, 64U, 65U, 1'000U, 10'000U}) {
    for (const bool extremes : {false, true}) {
      std::vector<Id> ids;
      for (std::size_t i = 0; i < known; ++i) ids.push_back(10 + 3 * i);
      if (extremes && known > 1) {
        ids.front() = 0;
        ids.back() = kLargest;
      }
      std::vector<Id> wanted{0, 10, kLargest, kLargest - 1};
      for (Id id = 0; id < 3 * known + 20; ++id) wanted.push_back(id);
      random.shuffle(std::span(wanted));
      std::vector<std::size_t> places(wanted.size());
      IdIndex(ids).find(wanted, places);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto at = std::lower_bound(ids.begin(), ids.end(), wanted[i]);
        const bool is_known = at != ids.end() && *at == wanted[i];
        EXPECT_EQ(places[i], is_known ? static_cast<std::size_t>(at - ids.begin()) : ids.size())
            << wanted[i] << " of " << known;
      }
    }
  }
}

}  // namespace
}  // namespace remapd::mapping
