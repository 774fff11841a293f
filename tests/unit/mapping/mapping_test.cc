#include "core/mapping/mapping.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

TEST(Mapping, LooksUpKnownIdsAndSendsOthersToTheFallback) {
  const Mapping mapping = random_mapping(500, 100, 1);
  for (std::size_t i = 0; i < mapping.ids.size(); ++i) {
    EXPECT_EQ(mapping.find(mapping.ids[i]), i);
    EXPECT_EQ(mapping.lookup(mapping.ids[i]), mapping.rows[i]);
  }
  for (Id id = 0; id < 500; ++id) {
    EXPECT_EQ(mapping.find(id), mapping.ids.size());
    EXPECT_EQ(mapping.lookup(id), mapping.info.fallback.row(id));
  }
}

TEST(ContentHash, IsTheSumOfItsPairsWhateverTheirOrder) {
  const Mapping mapping = random_mapping(100, 50, 2);
  std::uint64_t sum = 0;
  for (std::size_t i = mapping.ids.size(); i-- > 0;) {
    sum += content_term(mapping.ids[i], mapping.rows[i]);
  }
  EXPECT_EQ(content_hash(mapping), sum);
}

TEST(ContentHash, TellsApartIdsRowsAndTheirSwapping) {
  Mapping mapping = random_mapping(100, 50, 3);
  const std::uint64_t hash = content_hash(mapping);
  Mapping other = mapping;
  other.rows[4] = Row{(other.rows[4].value + 1) % 50};
  EXPECT_NE(content_hash(other), hash);
  other = mapping;
  ++other.ids[4];
  EXPECT_NE(content_hash(other), hash);
  other = mapping;
  other.rows[0] = Row{1};
  other.rows[1] = Row{2};
  const std::uint64_t one_way = content_hash(other);
  std::swap(other.rows[0], other.rows[1]);
  EXPECT_NE(content_hash(other), one_way);
}

// Clients of other versions compute it too: it is part of the format.
TEST(ContentHash, KeepsItsValues) {
  EXPECT_EQ(content_term(0, Row{0}), mix64(mix64(0) + 0x9e3779b97f4a7c15ULL));
  EXPECT_EQ(content_term(42, Row{7}), 2820384354626331986ULL);
}

}  // namespace
}  // namespace remapd::mapping
