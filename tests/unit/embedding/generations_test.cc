#include "core/embedding/generations.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace remapd::embedding {
namespace {

TEST(Generations, NameNodesUntilTheirIdsAreGone) {
  Generations generations(1'000);
  EXPECT_TRUE(generations.none_passed());
  EXPECT_EQ(generations.entry(999), 999U);
  const Node before = generations.entry(5);
  const Node other = generations.entry(6);
  EXPECT_EQ(generations.named(before), 5U);
  generations.pass(5);
  EXPECT_FALSE(generations.none_passed());
  EXPECT_EQ(generations.named(before), kNobody);
  EXPECT_EQ(generations.node_of(before), 5U);
  EXPECT_EQ(generations.named(other), 6U);
  const Node after = generations.entry(5);
  EXPECT_NE(after, before);
  EXPECT_EQ(generations.named(after), 5U);
  EXPECT_EQ(generations.node_of(after), 5U);
  EXPECT_EQ(generations.named(kNobody), kNobody);
}

// Whatever room nodes leave: the last one, all of whose bits may be set, is never taken for nobody,
// and no entry for one of another generation.
TEST(Generations, TellAllEntriesApartUntilTheyAreUsedUp) {
  struct Case {
    Node nodes;
    std::size_t generations;
  };
  for (const Case c : {Case{1, 128},
                       {(1U << 25) - 1, 128},
                       {1U << 25, 64},
                       {(1U << 31) - 1, 2},
                       {1U << 31, 1},
                       {3'000'000'000, 1}}) {
    Generations generations(c.nodes);
    const Node last = c.nodes - 1;
    std::vector<Node> entries;
    while (!generations.used_up()) {
      for (const Node entry : entries) EXPECT_EQ(generations.named(entry), kNobody);
      entries.push_back(generations.entry(last));
      EXPECT_NE(entries.back(), kNobody);
      EXPECT_EQ(generations.named(entries.back()), last);
      generations.pass(last);
    }
    EXPECT_EQ(entries.size(), c.generations) << c.nodes;
    // Nobody's entry is current now, however often the node passes before they are replaced.
    for (int more = 0; more < 300; ++more) generations.pass(last);
    for (const Node entry : entries) EXPECT_EQ(generations.named(entry), kNobody) << c.nodes;
    generations.restart();
    EXPECT_FALSE(generations.used_up());
    EXPECT_TRUE(generations.none_passed());
    EXPECT_EQ(generations.entry(last), last);
  }
}

}  // namespace
}  // namespace remapd::embedding
