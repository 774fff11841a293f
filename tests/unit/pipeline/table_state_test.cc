#include "core/pipeline/table_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/saved_state.h"

namespace remapd::pipeline {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

TableConfig config_of(std::uint64_t max_tracked_ids = 1000) {
  TableConfig config;
  config.name = "item";
  config.rows = 16;
  config.max_tracked_ids = max_tracked_ids;
  return config;
}

struct Access {
  std::vector<sketch::Slot> slots;
  std::vector<sketch::Slot> admitted;
  std::vector<std::uint8_t> is_new_id;
  std::vector<std::uint8_t> generation;
  std::vector<std::uint32_t> counts;
};

Access access(TableState& table, const std::vector<Id>& ids,
              std::span<const std::uint8_t> generations = {}) {
  Access out;
  out.slots.resize(ids.size());
  out.is_new_id.resize(ids.size());
  out.counts.resize(ids.size());
  out.generation.resize(ids.size());
  table.access(ids,
               {.slots = out.slots,
                .is_new_id = out.is_new_id,
                .counts = out.counts,
                .generation = out.generation},
               generations, out.admitted);
  return out;
}

mapping::Mapping mapping_of(const std::vector<Id>& ids, std::uint64_t version = 1) {
  mapping::Mapping out;
  out.info = {.table = "item",
              .version = Version{version},
              .parent = Version{version - 1},
              .epoch = Epoch{1},
              .strategy = mapping::Strategy::kCombined,
              .rows = 16,
              .dedicated_rows = 0,
              .fallback = {.first_row = 0, .row_count = 16, .ways = 1, .seed = 1},
              .built_ms = 1};
  out.ids = ids;
  for (const Id id : ids) out.rows.push_back(Row{static_cast<std::uint32_t>(id % 16)});
  return out;
}

using support::saved;

TEST(TableState, ResolvesIdsToSlotsThatStay) {
  TableState table(config_of());
  const Access first = access(table, {5, 6, 5});
  EXPECT_EQ(first.slots[0], first.slots[2]);
  EXPECT_NE(first.slots[0], first.slots[1]);
  EXPECT_THAT(first.admitted, ElementsAre(first.slots[0], first.slots[1]));
  EXPECT_THAT(first.is_new_id, Each(1));
  const Access second = access(table, {6, 5});
  EXPECT_THAT(second.slots, ElementsAre(first.slots[1], first.slots[0]));
  EXPECT_THAT(second.admitted, IsEmpty());
  EXPECT_EQ(table.accesses(), 5U);
  EXPECT_EQ(table.ids().count(first.slots[0]), 3);
  EXPECT_NEAR(table.distinct_ids(), 2, 0.1);
}

TEST(TableState, TellsNewIdsFromThoseTheIncumbentKnows) {
  TableState table(config_of());
  access(table, {5, 6});
  EXPECT_EQ(table.new_id_traffic(), 1);
  EXPECT_EQ(table.incumbent(), nullptr);
  table.adopt(mapping_of({5, 7}), 42);
  EXPECT_EQ(table.clustered_ids(), 42U);
  EXPECT_EQ(table.new_id_traffic(), 0) << "counted since the last version";
  // 7 is known to the mapping but was not tracked when it was adopted.
  const Access later = access(table, {5, 6, 7, 8});
  EXPECT_THAT(later.is_new_id, ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(table.new_id_traffic(), 0.5);
  EXPECT_EQ(table.row(later.slots[0]), Row{5});
  EXPECT_EQ(table.row(later.slots[1]), kNoRow);
  EXPECT_EQ(table.row(later.slots[2]), Row{7});
  table.adopt(mapping_of({6}, 2), 0);
  EXPECT_EQ(table.row(later.slots[0]), kNoRow);
  EXPECT_EQ(table.row(later.slots[1]), Row{6});
}

TEST(TableState, MarksWhatWasTouchedSinceTheLastVersion) {
  TableState table(config_of());
  const Access first = access(table, {5, 6});
  EXPECT_TRUE(table.touched(first.slots[0]));
  table.adopt(mapping_of({5, 6}), 0);
  EXPECT_FALSE(table.touched(first.slots[0]));
  access(table, {6});
  EXPECT_FALSE(table.touched(first.slots[0]));
  EXPECT_TRUE(table.touched(first.slots[1]));
}

// Ids keep the generation their slot had when they got it, whatever else is noted of them.
TEST(TableState, TellsTheGenerationOfSlots) {
  TableState table(config_of());
  EXPECT_EQ(table.generations(), 32U);
  std::vector<std::uint8_t> generations(table.slot_count());
  for (std::size_t slot = 0; slot < generations.size(); ++slot) {
    generations[slot] = static_cast<std::uint8_t>(slot * 7 % 32);
  }
  const std::vector<Id> ids{5, 6, 7, 6, 5};
  const Access first = access(table, ids, generations);
  table.adopt(mapping_of({6, 7}), 2);
  const Access second = access(table, ids, std::vector<std::uint8_t>(generations.size(), 31));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(first.generation[i], generations[first.slots[i]]);
    EXPECT_EQ(second.generation[i], generations[first.slots[i]]);
    EXPECT_EQ(second.is_new_id[i], ids[i] == 5 ? 1 : 0);
  }
  table.restart_generations();
  const Access third = access(table, {5, 6, 7});
  EXPECT_THAT(third.generation, Each(0));
  EXPECT_THAT(third.is_new_id, ElementsAre(1, 0, 0));
}

TEST(TableState, DecaysAndEvictsAtFolds) {
  TableConfig config = config_of(100);
  config.horizon = 1000;
  TableState table(config);
  std::vector<Id> ids;
  for (Id id = 0; id < 200; ++id) ids.push_back(id);
  const Access first = access(table, ids);
  EXPECT_EQ(first.slots.back(), sketch::kNoSlot) << "the store is full";
  EXPECT_EQ(first.is_new_id.back(), 1);
  std::vector<sketch::Slot> evicted;
  table.fold(1000, evicted);
  EXPECT_FALSE(evicted.empty());
  EXPECT_EQ(table.evicted(), evicted.size());
  table.ids().for_each([](sketch::Slot, Id, double count) { EXPECT_EQ(count, 0.5); });
}

TEST(TableState, GoesOnFromASavedState) {
  TableState undisturbed(config_of(100));
  for (Id id = 0; id < 90; ++id) access(undisturbed, {id, 3});
  undisturbed.adopt(mapping_of({3, 4, 5, 1000}, 9), 77);
  access(undisturbed, {3, 200, 4});
  const Bytes state = saved(undisturbed);
  TableState restored(config_of(100));
  ByteReader in(state);
  ASSERT_TRUE(restored.load(in));
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(saved(restored), state);
  EXPECT_EQ(restored.incumbent()->info(), undisturbed.incumbent()->info());
  EXPECT_EQ(restored.clustered_ids(), 77U);
  for (TableState* table : {&undisturbed, &restored}) {
    std::vector<sketch::Slot> evicted;
    for (Id id = 300; id < 400; ++id) access(*table, {id, id});
    table->fold(1000, evicted);
    access(*table, {1000, 3, 4, 5, 6});
  }
  EXPECT_EQ(saved(restored), saved(undisturbed));
  EXPECT_EQ(restored.new_id_traffic(), undisturbed.new_id_traffic());
}

TEST(TableState, RefusesStateThatDoesNotFit) {
  TableState table(config_of(100));
  access(table, {1, 2, 3});
  table.adopt(mapping_of({1, 2}), 0);
  const Bytes state = saved(table);
  for (std::size_t size = 0; size < state.size(); size += 1 + size / 100) {
    TableState restored(config_of(100));
    ByteReader in(ByteView(state).first(size));
    const auto loaded = restored.load(in);
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  }
  TableState larger(config_of(200));
  ByteReader in(state);
  EXPECT_FALSE(larger.load(in));
}

}  // namespace
}  // namespace remapd::pipeline
