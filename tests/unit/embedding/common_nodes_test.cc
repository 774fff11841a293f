#include "core/embedding/common_nodes.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::embedding {
namespace {

// As a set, also where so many are common that all of the filter is taken.
TEST(CommonNodes, KnowsWhoIsCommon) {
  constexpr Node kNodes = 100'000;
  Random random(1);
  CommonNodes common(kNodes);
  std::set<Node> expected;
  for (int round = 0; round < 40; ++round) {
    std::set<Node> added;
    for (int i = 0; i < 1'000; ++i) {
      const auto node = static_cast<Node>(random.below(kNodes));
      if (!expected.contains(node)) added.insert(node);
    }
    common.add(std::vector<Node>(added.begin(), added.end()));
    expected.insert(added.begin(), added.end());
    const auto goes = [&](Node node) { return node % 7 == static_cast<Node>(round % 7); };
    common.erase_if(goes);
    std::erase_if(expected, goes);
    ASSERT_EQ(common.nodes(), std::vector<Node>(expected.begin(), expected.end()));
    for (Node node = 0; node < kNodes; ++node) {
      ASSERT_EQ(common.contains(node), expected.contains(node) ? 1U : 0U) << node;
    }
  }
  // Up to the power of two above.
  EXPECT_EQ(common.contains((1U << 17) - 1), 0U);
}

}  // namespace
}  // namespace remapd::embedding
