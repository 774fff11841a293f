#include "core/mapping/mapping_state.h"

#include <gtest/gtest.h>

#include "tests/unit/mapping/random_mapping.h"

namespace remapd::mapping {
namespace {

Mapping example() {
  Mapping mapping = random_mapping(50, 40, 1);
  mapping.stats = {.ids = mapping.ids.size(),
                   .ids_moved = 3,
                   .dedicated_rows = 20,
                   .shared_rows = 10,
                   .fallback_rows = 10,
                   .rows_used = 31,
                   .traffic_dedicated = 0.5,
                   .traffic_shared = 0.4,
                   .new_id_traffic = 0.1,
                   .traffic_moved = 0.02,
                   .distortion = 0.3};
  return mapping;
}

Bytes saved(const Mapping& mapping) {
  ByteWriter out;
  save(mapping, out);
  return std::move(out).take();
}

Result<Mapping> loaded(ByteView bytes) {
  ByteReader in(bytes);
  return load_mapping(in);
}

TEST(MappingState, IsLoadedAsItWasSaved) {
  const Mapping mapping = example();
  const Bytes bytes = saved(mapping);
  const auto again = loaded(bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->info, mapping.info);
  EXPECT_EQ(again->ids, mapping.ids);
  EXPECT_EQ(again->rows, mapping.rows);
  EXPECT_EQ(again->stats.ids, mapping.ids.size());
  EXPECT_EQ(saved(*again), bytes);  // and so with all its statistics
}

TEST(MappingState, LeavesWhatFollowsToTheReader) {
  ByteWriter out;
  save(example(), out);
  out.put<std::uint32_t>(77);
  ByteReader in(out.bytes());
  ASSERT_TRUE(load_mapping(in));
  EXPECT_EQ(in.get<std::uint32_t>(), 77U);
}

TEST(MappingState, RefusesEveryTruncation) {
  const Bytes good = saved(example());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto result = loaded(ByteView(good).first(size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  }
}

TEST(MappingState, RefusesMappingsThatContradictThemselves) {
  const auto refused = [](auto&& change) {
    Mapping mapping = example();
    change(mapping);
    const auto result = loaded(saved(mapping));
    return !result && result.error().code == ErrorCode::kCorrupt;
  };
  EXPECT_FALSE(refused([](Mapping&) {}));
  EXPECT_TRUE(refused([](Mapping& m) { m.rows[7] = Row{40}; }));
  EXPECT_TRUE(refused([](Mapping& m) { std::swap(m.ids[3], m.ids[4]); }));
  EXPECT_TRUE(refused([](Mapping& m) { m.ids[4] = m.ids[3]; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.rows.pop_back(); }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.rows = 0; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.rows = kNoRow.value; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.dedicated_rows = 41; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.row_count = 0; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.row_count = 41; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.first_row = 40; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.first_row = 0xffffffff; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.ways = 0; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.fallback.ways = 3; }));
  EXPECT_TRUE(refused([](Mapping& m) { m.info.strategy = static_cast<Strategy>(5); }));
}

// A count beyond the bytes must not be allocated for.
TEST(MappingState, RefusesCountsBeyondTheBytes) {
  Bytes bytes = saved(random_mapping(0, 40, 1));
  // No ids, no rows: the last 16 bytes are the two counts.
  std::fill_n(bytes.end() - 16, 8, std::byte{0xff});
  EXPECT_FALSE(loaded(bytes));
}

}  // namespace
}  // namespace remapd::mapping
