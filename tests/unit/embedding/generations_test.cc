#include "core/embedding/generations.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace remapd::embedding {
namespace {

Node entry_now(const Generations& generations, Node node) {
  return generations.entry(node, generations.of(node, 1)[0]);
}

TEST(Generations, NameNodesUntilTheirIdsAreGone) {
  Generations generations(1'000);
  EXPECT_TRUE(generations.none_passed());
  EXPECT_EQ(generations.entry(999, 0), 999U);
  const Node before = entry_now(generations, 5);
  const Node other = entry_now(generations, 6);
  EXPECT_EQ(generations.named(before), 5U);
  generations.pass(5);
  EXPECT_FALSE(generations.none_passed());
  EXPECT_EQ(generations.named(before), kNobody);
  EXPECT_EQ(generations.node_of(before), 5U);
  EXPECT_EQ(generations.named(other), 6U);
  const Node after = entry_now(generations, 5);
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
    std::uint32_t most;
    std::size_t generations;
  };
  for (const Case c : {Case{1, 32, 32},
                       {1, 5, 5},
                       {1, 1, 1},
                       {(1U << 27) - 1, 32, 32},
                       {1U << 27, 32, 16},
                       {(1U << 31) - 1, 32, 2},
                       {1U << 31, 32, 1},
                       {3'000'000'000, 32, 1}}) {
    Generations generations(c.nodes, c.most);
    const Node last = c.nodes - 1;
    std::vector<Node> entries;
    while (!generations.used_up()) {
      for (const Node entry : entries) EXPECT_EQ(generations.named(entry), kNobody);
      entries.push_back(entry_now(generations, last));
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
    EXPECT_EQ(entry_now(generations, last), last);
  }
}

}  // namespace
}  // namespace remapd::embedding
