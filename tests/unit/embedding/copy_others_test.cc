#include "core/embedding/copy_others.h"

#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::embedding {
namespace {

TEST(CopyOthers, LeavesOneOutWhereverItIs) {
  Random random(1);
  for (int round = 0; round < 10'000; ++round) {
    const std::size_t size = random.below(20);
    std::vector<Node> list(size + kCopyRoom);
    for (Node& node : list)
      node = random.below(8) == 0 ? kNobody : static_cast<Node>(random.below(4));
    std::vector<Node> expected;
    for (std::size_t i = 0; i < size; ++i) {
      if (list[i] != 2) expected.push_back(list[i]);
    }
    for (const auto copy_by : {&copy_others, &copy_others_portable}) {
      std::vector<Node> copy(size + kCopyRoom);
      const std::uint32_t n = copy_by(std::span(list).first(size), 2, copy.data());
      ASSERT_EQ(n, expected.size());
      copy.resize(n);
      EXPECT_EQ(copy, expected);
    }
  }
}

}  // namespace
}  // namespace remapd::embedding
