#include "core/sketch/tracked_ids.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::sketch {
namespace {

struct Intake {
  std::vector<Slot> slots;
  std::vector<Slot> admitted;
};

Intake access(TrackedIds& store, std::span<const Id> ids) {
  Intake out;
  out.slots.resize(ids.size());
  store.count_accesses(ids, out.slots, out.admitted);
  return out;
}

std::vector<Id> skewed_ids(std::uint64_t seed, std::size_t n, double universe, Id first = 0) {
  Random random(seed);
  std::vector<Id> ids(n);
  for (Id& id : ids) id = first + static_cast<Id>(std::pow(universe, random.uniform()));
  return ids;
}

TEST(TrackedIds, CountsExactlyWhileThereIsRoom) {
  TrackedIds store(300'000);
  const std::vector<Id> ids = skewed_ids(1, 400'000, 250'000);
  std::unordered_map<Id, double> truth;
  for (const Id id : ids) truth[id] += 1;

  const Intake intake = access(store, ids);

  EXPECT_EQ(store.size(), truth.size());
  EXPECT_EQ(intake.admitted.size(), truth.size());
  for (const auto& [id, count] : truth) {
    const Slot slot = store.find(id);
    ASSERT_NE(slot, kNoSlot);
    EXPECT_EQ(store.id_of(slot), id);
    EXPECT_EQ(store.count(slot), count);
    EXPECT_EQ(slot / store.shard_slots(), store.shard_of(id));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(intake.slots[i], store.find(ids[i]));
}

TEST(TrackedIds, EveryWordCanBeAnId) {
  TrackedIds store(100);
  const std::vector<Id> ids = {0, ~Id{0}, 1, 0};
  const Intake intake = access(store, ids);
  EXPECT_EQ(store.size(), 3U);
  EXPECT_EQ(intake.slots[0], intake.slots[3]);
  EXPECT_EQ(store.count(store.find(0)), 2);
  EXPECT_EQ(store.find(2), kNoSlot);
}

}  // namespace
}  // namespace remapd::sketch
