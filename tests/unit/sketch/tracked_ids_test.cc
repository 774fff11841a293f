#include "core/sketch/tracked_ids.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/golden.h"
#include "tests/support/saved_state.h"
#include "tests/support/zipf.h"

namespace remapd::sketch {
namespace {

using testing::ElementsAre;

struct Intake {
  std::vector<Slot> slots;
  std::vector<Slot> admitted;
  std::vector<Marks> marks;
  std::vector<std::uint32_t> counts;
};

Intake access(TrackedIds& store, std::span<const Id> ids, Marks add = 0,
              const TrackedIds::StartsWith& starts_with = {}) {
  Intake out;
  out.slots.resize(ids.size());
  out.marks.resize(ids.size());
  out.counts.resize(ids.size());
  store.count_accesses(ids, {.slots = out.slots, .marks = out.marks, .counts = out.counts}, add,
                       starts_with, out.admitted);
  return out;
}

void access(TrackedIds& store, Id id, int times) {
  const std::vector<Id> ids(static_cast<std::size_t>(times), id);
  access(store, ids);
}

std::vector<Slot> fold(TrackedIds& store, double decay) {
  std::vector<Slot> evicted;
  store.fold(decay, evicted);
  return evicted;
}

std::vector<Id> zipf_ids(std::uint64_t seed, std::size_t n, std::uint64_t universe) {
  const support::Zipf zipf(universe, 1.0);
  Random random(seed);
  std::vector<Id> ids(n);
  for (Id& id : ids) id = hash_id(zipf(random), 11);
  return ids;
}

using support::saved;

Result<void> load(TrackedIds& store, ByteView bytes) {
  ByteReader in(bytes);
  return store.load(in);
}

// One shard of exactly 1,000 ids: id i of 0 .. 999 has been seen i / 10 + 1 times.
TrackedIds full_store() {
  TrackedIds store(1000);
  for (Id id = 0; id < 1000; ++id) access(store, id, static_cast<int>(id / 10) + 1);
  return store;
}

TEST(TrackedIds, CountsExactlyWhileThereIsRoom) {
  TrackedIds store(300'000);
  const std::vector<Id> ids = zipf_ids(1, 400'000, 250'000);
  std::unordered_map<Id, double> truth;
  for (const Id id : ids) truth[id] += 1;

  const Intake intake = access(store, ids);

  EXPECT_EQ(store.size(), truth.size());
  EXPECT_EQ(intake.admitted.size(), truth.size());
  for (const auto& [id, count] : truth) {
    const Slot slot = store.find(id);
    ASSERT_NE(slot, kNoSlot);
    ASSERT_EQ(store.id_of(slot), id);
    ASSERT_EQ(store.count(slot), count);
    ASSERT_EQ(store.estimate(id), count);
    ASSERT_EQ(slot / store.shard_slots(), store.shard_of(id));
  }
  std::vector<Slot> found(ids.size());
  store.find(ids, found);
  EXPECT_EQ(found, intake.slots);

  std::size_t visited = 0;
  Slot last = 0;
  store.for_each([&](Slot slot, Id id, double count) {
    ASSERT_TRUE(visited == 0 || slot > last);
    ASSERT_EQ(store.find(id), slot);
    ASSERT_EQ(truth.at(id), count);
    last = slot;
    ++visited;
  });
  EXPECT_EQ(visited, truth.size());
}

TEST(TrackedIds, AdmitLeavesCountingToAdd) {
  TrackedIds store(100);
  const std::vector<Id> ids = {5, 6, 5};
  std::vector<Slot> slots(3);
  std::vector<Slot> admitted;
  store.admit(ids, slots, admitted);
  EXPECT_EQ(admitted, (std::vector<Slot>{slots[0], slots[1]}));
  EXPECT_EQ(slots[0], slots[2]);
  EXPECT_EQ(store.count(slots[0]), 0);
  store.add(slots[0], 2.5F);
  store.add(slots[0]);
  EXPECT_EQ(store.count(slots[0]), 3.5);
}

TEST(TrackedIds, EveryWordCanBeAnId) {
  TrackedIds store(100);
  const std::vector<Id> ids = {0, ~Id{0}, 1, 0};
  EXPECT_EQ(store.find(0), kNoSlot);
  const Intake intake = access(store, ids);
  EXPECT_EQ(store.size(), 3U);
  EXPECT_EQ(intake.slots[0], intake.slots[3]);
  EXPECT_EQ(store.count(store.find(0)), 2);
  EXPECT_EQ(store.find(2), kNoSlot);
}

TEST(TrackedIds, SizesFollowTheCapacityAlone) {
  const std::map<std::uint64_t, std::uint32_t> shards = {
      {1, 1},        {16'383, 1},   {16'384, 2},      {65'536, 8},
      {524'287, 32}, {524'288, 64}, {30'000'000, 64}, {TrackedIds::kMaxCapacity, 64}};
  for (const auto& [asked, count] : shards) {
    SCOPED_TRACE(asked);
    const TrackedIds store(asked);
    EXPECT_EQ(store.shard_count(), count);
    EXPECT_GE(store.slot_count(), asked);
    EXPECT_LE(store.slot_count(), asked + asked / 25 + count);
    EXPECT_EQ(store.slot_count(), store.shard_slots() * store.shard_count());
    EXPECT_LE(store.memory_bytes(), 39 * std::uint64_t{store.slot_count()} + 384 * count);
  }
}

// With as many ids as were asked for, none is turned away for want of room in its shard.
TEST(TrackedIds, HoldsAsManyIdsAsAskedFor) {
  for (const std::uint64_t asked : {1ULL, 10ULL, 5'000ULL, 20'000ULL, 100'000ULL, 600'000ULL}) {
    TrackedIds store(asked);
    std::vector<Id> ids(asked);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    access(store, ids);
    EXPECT_EQ(store.size(), asked);
  }
}

TEST(TrackedIds, BatchSizesDoNotMatter) {
  const std::vector<Id> ids = zipf_ids(2, 300'000, 200'000);
  const auto run = [&](std::size_t batch) {
    TrackedIds store(20'000);
    std::vector<Slot> all;
    std::vector<Slot> events;
    for (std::size_t tick = 0; tick < ids.size(); tick += 30'000) {
      for (std::size_t i = tick; i < tick + 30'000; i += batch) {
        const std::size_t n = std::min(batch, tick + 30'000 - i);
        const Intake intake = access(store, std::span(ids).subspan(i, n));
        all.insert(all.end(), intake.slots.begin(), intake.slots.end());
        events.insert(events.end(), intake.admitted.begin(), intake.admitted.end());
      }
      store.fold(0.9, events);
    }
    return std::tuple(saved(store), all, events);
  };
  const auto one = run(1);
  EXPECT_EQ(run(7), one);
  EXPECT_EQ(run(64), one);
  EXPECT_EQ(run(1000), one);
}

TEST(TrackedIds, CountsExactlyPastTheRangeOfAFloat) {
  TrackedIds store(10);
  std::vector<Slot> admitted;
  Slot slot = kNoSlot;
  const Id id = 3;
  store.admit({&id, 1}, {&slot, 1}, admitted);
  constexpr int kMany = (1 << 24) + 12'345;
  for (int i = 0; i < kMany; ++i) store.add(slot);
  EXPECT_EQ(store.count(slot), kMany);
  for (int i = 0; i < 1000; ++i) store.add(slot, 8'000'001.0F);
  EXPECT_EQ(store.count(slot), kMany + 8'000'001'000.0);
}

TEST(TrackedIds, AFullShardTurnsUnknownIdsAwayUntilTheFold) {
  TrackedIds store = full_store();
  ASSERT_EQ(store.size(), 1000U);
  const Id untracked = 5000;
  Intake intake = access(store, std::vector<Id>(20, untracked));
  EXPECT_EQ(intake.slots, std::vector<Slot>(20, kNoSlot));
  EXPECT_TRUE(intake.admitted.empty());
  EXPECT_GE(store.estimate(untracked), 20);

  std::vector<std::pair<double, Id>> coldest;
  std::vector<Slot> expected;
  store.for_each([&](Slot, Id id, double count) { coldest.emplace_back(count, id); });
  std::sort(coldest.begin(), coldest.end());
  for (int i = 0; i < 50; ++i) expected.push_back(store.find(coldest[i].second));
  std::sort(expected.begin(), expected.end());

  EXPECT_EQ(fold(store, 1), expected);
  EXPECT_EQ(store.size(), 950U);
  for (int i = 0; i < 1000; ++i) {
    const Id id = coldest[i].second;
    ASSERT_EQ(store.find(id) == kNoSlot, i < 50);
    if (i >= 50) {
      ASSERT_EQ(store.count(store.find(id)), coldest[i].first);
    }
  }

  // It enters with what the sketch knew of it, plus the access that brings it in.
  intake = access(store, std::vector<Id>{untracked});
  ASSERT_EQ(intake.admitted.size(), 1U);
  EXPECT_EQ(intake.slots, intake.admitted);
  EXPECT_EQ(store.count(intake.slots[0]), 21);
}

// Few counts for many ids, counts of all sizes, and such as a float cannot tell apart.
TEST(TrackedIds, TheColdestGoWhateverTheirCounts) {
  const auto few = [](Random& random) { return 1.0F + static_cast<float>(random.below(3)); };
  const auto any = [](Random& random) {
    return std::exp2(12.0F * static_cast<float>(random.uniform()) - 20.0F);
  };
  const auto near = [](Random& random) {
    return 8'000'000.0F + static_cast<float>(random.below(300));
  };
  using Count = float (*)(Random&);
  for (const Count count_of : {Count(few), Count(any), Count(near)}) {
    for (const double share : {0.001, 0.05, 0.5, 1.0}) {
      Random random(3);
      TrackedIds store(1'000, share);
      std::vector<Slot> slots(1'000);
      std::vector<Slot> admitted;
      std::vector<Id> ids(slots.size());
      for (Id& id : ids) id = random.next();
      store.admit(ids, slots, admitted);
      ASSERT_EQ(admitted.size(), ids.size());
      for (int time = 0; time < 20; ++time) {
        for (const Slot slot : slots) store.add(slot, count_of(random));
      }
      access(store, random.next(), 1);  // wants a place
      std::vector<std::pair<double, Id>> coldest;
      store.for_each([&](Slot, Id id, double count) { coldest.emplace_back(count, id); });
      std::sort(coldest.begin(), coldest.end());
      coldest.resize(static_cast<std::size_t>(std::ceil(share * store.slot_count())));
      std::vector<Slot> expected;
      for (const auto& [count, id] : coldest) expected.push_back(store.find(id));
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(fold(store, 1), expected) << share;
    }
  }
}

TEST(TrackedIds, EvictsNothingWithoutNeed) {
  TrackedIds store = full_store();
  access(store, 7777, 1);
  EXPECT_EQ(fold(store, 1).size(), 50U);
  // Now at 95 %, and no new id has come.
  EXPECT_TRUE(fold(store, 1).empty());

  TrackedIds still(100);
  for (Id id = 0; id < 100; ++id) access(still, id, 1);
  EXPECT_EQ(fold(still, 0.5).size(), 5U);
  for (Id id = 0; id < 100; ++id) access(still, id, 5);
  EXPECT_EQ(still.size(), 100U);
  fold(still, 1);
  for (Id id = 0; id < 100; ++id) access(still, id, 5);
  const std::uint64_t size = still.size();
  for (Id id = 0; id < 100; ++id) access(still, id, 1);
  EXPECT_EQ(still.size(), size);
}

TEST(TrackedIds, ColdNewIdsWaitUntilTheThresholdHasFallen) {
  TrackedIds store = full_store();
  access(store, 7777, 1);
  fold(store, 1);  // the hottest id evicted had 5 accesses
  EXPECT_EQ(store.size(), 950U);
  access(store, 8000, 3);
  EXPECT_EQ(store.find(8000), kNoSlot);
  access(store, 8000, 3);
  EXPECT_NE(store.find(8000), kNoSlot);
  EXPECT_EQ(store.count(store.find(8000)), 6);
  access(store, 8001, 2);
  EXPECT_EQ(store.find(8001), kNoSlot);

  TrackedIds patient = full_store();
  access(patient, 7777, 1);
  fold(patient, 1);
  fold(patient, 1);
  fold(patient, 1);  // 5, 2.5, 1.25
  access(patient, 8001, 1);
  EXPECT_EQ(patient.find(8001), kNoSlot);
  fold(patient, 1);
  access(patient, 8002, 1);
  EXPECT_NE(patient.find(8002), kNoSlot);
}

TEST(TrackedIds, AnEvictedIdThatComesBackKeepsItsCount) {
  TrackedIds store = full_store();
  access(store, 7777, 1);
  fold(store, 1);
  ASSERT_EQ(store.find(49), kNoSlot);  // seen 5 times, the hottest of those evicted
  EXPECT_EQ(store.estimate(49), 5);
  access(store, 49, 1);
  ASSERT_NE(store.find(49), kNoSlot);
  EXPECT_EQ(store.count(store.find(49)), 6);
}

TEST(TrackedIds, DecaysLikeTheExactCounts) {
  TrackedIds store(1000);
  Random random(4);
  std::map<Id, double> truth;
  for (int tick = 0; tick < 300; ++tick) {
    for (int i = 0; i < 100; ++i) {
      const Id id = random.below(200);
      access(store, id, 1);
      truth[id] += 1;
    }
    // Now and then far beyond what one rewriting of the units spans.
    const double decay = tick % 50 == 49 ? 1e-14 : random.uniform();
    fold(store, decay);
    for (auto& [id, count] : truth) count *= decay;
    for (const auto& [id, count] : truth) {
      ASSERT_NEAR(store.count(store.find(id)), count, 1e-5 * count + 1e-25) << "tick " << tick;
    }
  }
  fold(store, 0);
  for (const auto& [id, count] : truth) EXPECT_LT(store.count(store.find(id)), 1e-25);
}

TEST(TrackedIds, SlotsAreStableWhileAnIdIsTracked) {
  TrackedIds store(20'000);
  std::unordered_map<Id, Slot> known;
  for (int tick = 0; tick < 30; ++tick) {
    const std::vector<Id> ids = zipf_ids(100 + tick, 20'000, 100'000);
    const Intake intake = access(store, ids);
    for (const Slot slot : intake.admitted) {
      ASSERT_TRUE(known.emplace(store.id_of(slot), slot).second);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto it = known.find(ids[i]);
      // An id turned away may have been admitted later in the same batch.
      if (intake.slots[i] != kNoSlot) {
        ASSERT_EQ(it->second, intake.slots[i]);
      }
    }
    ASSERT_LE(store.size(), store.slot_count());
    std::unordered_map<Slot, Id> by_slot;
    for (const auto& [id, slot] : known) by_slot[slot] = id;
    ASSERT_EQ(by_slot.size(), known.size());
    for (const Slot slot : fold(store, 0.95)) {
      ASSERT_EQ(known.erase(by_slot.at(slot)), 1U);
      ASSERT_FALSE(store.occupied(slot));
      ASSERT_EQ(store.count(slot), 0);
    }
    ASSERT_EQ(store.size(), known.size());
    for (const auto& [id, slot] : known) ASSERT_EQ(store.find(id), slot);
  }
}

// Twenty times more ids than there is room for: the frequent ones are found and stay.
TEST(TrackedIds, FindsTheHotIdsOfAStreamItCannotHold) {
  constexpr std::uint64_t kCapacity = 10'000;
  TrackedIds store(kCapacity);
  const support::Zipf zipf(20 * kCapacity, 1.0);
  Random random(6);
  std::vector<double> truth(20 * kCapacity + 1);
  // Rare ids come first, so the store is full of them when the hot ones appear.
  for (std::uint64_t rank = 10 * kCapacity; rank < 12 * kCapacity; ++rank) {
    access(store, hash_id(rank, 1), 1);
    truth[rank] += 1;
  }
  for (int tick = 0; tick < 50; ++tick) {
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t rank = zipf(random);
      access(store, hash_id(rank, 1), 1);
      truth[rank] += 1;
    }
    fold(store, 1);
  }
  int missing = 0;
  double error = 0;
  double sum = 0;
  for (std::uint64_t rank = 1; rank <= kCapacity / 4; ++rank) {
    const Slot slot = store.find(hash_id(rank, 1));
    if (slot == kNoSlot) {
      ++missing;
    } else {
      error += std::abs(store.count(slot) - truth[rank]);
      sum += truth[rank];
    }
  }
  EXPECT_LE(missing, 25);  // 1 %
  EXPECT_LE(error, 0.05 * sum);
}

TEST(TrackedIds, ShardsCanBeWorkedOnInParallel) {
  constexpr std::uint64_t kCapacity = 40'000;  // four shards
  std::vector<std::vector<Id>> ticks;
  for (int t = 0; t < 4; ++t) ticks.push_back(zipf_ids(20 + t, 60'000, 200'000));

  TrackedIds serial(kCapacity);
  ASSERT_EQ(serial.shard_count(), 4U);
  std::vector<Slot> serial_evicted;
  for (const std::vector<Id>& ids : ticks) {
    access(serial, ids);
    serial.fold(0.8, serial_evicted);
  }

  TrackedIds parallel(kCapacity);
  std::vector<Slot> parallel_evicted;
  for (const std::vector<Id>& ids : ticks) {
    std::vector<std::vector<Id>> parts(4);
    for (const Id id : ids) parts[parallel.shard_of(id)].push_back(id);
    const auto on_all_shards = [](const auto& work) {
      std::vector<std::thread> threads;
      for (std::uint32_t s = 0; s < 4; ++s) threads.emplace_back(work, s);
      for (std::thread& thread : threads) thread.join();
    };
    on_all_shards([&](std::uint32_t s) { access(parallel, parts[s]); });
    parallel.decay(0.8);
    std::vector<std::vector<Slot>> evicted(4);
    on_all_shards([&](std::uint32_t s) { parallel.evict(s, evicted[s]); });
    for (const auto& e : evicted)
      parallel_evicted.insert(parallel_evicted.end(), e.begin(), e.end());
  }
  EXPECT_EQ(saved(parallel), saved(serial));
  EXPECT_EQ(parallel_evicted, serial_evicted);
  EXPECT_FALSE(serial_evicted.empty());
}

TEST(TrackedIds, GoesOnAfterLoadAsIfNothingHadHappened) {
  TrackedIds store(20'000);
  for (int t = 0; t < 5; ++t) {
    access(store, zipf_ids(30 + t, 30'000, 150'000));
    fold(store, 0.7);
  }
  access(store, zipf_ids(40, 30'000, 150'000));
  store.add(store.find(store.id_of(access(store, std::vector<Id>{hash_id(1, 11)}).slots[0])), 0.3F);

  const Bytes bytes = saved(store);
  TrackedIds loaded(20'000);
  access(loaded, zipf_ids(41, 1000, 1000));  // whatever it held before is gone
  ASSERT_TRUE(load(loaded, bytes).has_value());
  EXPECT_EQ(saved(loaded), bytes);

  for (int t = 0; t < 5; ++t) {
    const std::vector<Id> ids = zipf_ids(50 + t, 30'000, 150'000);
    const Intake a = access(store, ids);
    const Intake b = access(loaded, ids);
    ASSERT_EQ(a.slots, b.slots);
    ASSERT_EQ(a.admitted, b.admitted);
    ASSERT_EQ(fold(store, 0.7), fold(loaded, 0.7));
  }
  EXPECT_EQ(saved(loaded), saved(store));
}

TrackedIds golden_store() {
  TrackedIds store(40);
  for (Id id = 0; id < 60; ++id) access(store, id, static_cast<int>(id % 7) + 1);
  fold(store, 0.5);
  for (Id id = 30; id < 90; ++id) access(store, id, static_cast<int>(id % 5) + 1);
  return store;
}

TEST(TrackedIds, WritesAndReadsTheGoldenFile) {
  const TrackedIds store = golden_store();
  const Bytes bytes = saved(store);
  const Bytes golden = support::golden("tracked-ids-v1.remapd", bytes);
  EXPECT_EQ(bytes, golden);
  TrackedIds loaded(40);
  ASSERT_TRUE(load(loaded, golden).has_value());
  EXPECT_EQ(saved(loaded), golden);
  EXPECT_EQ(loaded.size(), store.size());
  for (Slot slot = 0; slot < store.slot_count(); ++slot) {
    ASSERT_EQ(loaded.occupied(slot), store.occupied(slot));
    EXPECT_EQ(loaded.count(slot), store.count(slot)) << slot;
    if (!store.occupied(slot)) continue;
    EXPECT_EQ(loaded.id_of(slot), store.id_of(slot));
  }
}

TEST(TrackedIds, TellsHowOftenAnIdWasAccessed) {
  TrackedIds store(40);
  const std::vector<Id> ids(9, 5);
  EXPECT_THAT(access(store, ids).counts, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  // Half of what was before counts: 4.5 and these.
  fold(store, 0.5);
  EXPECT_THAT(access(store, ids).counts, ElementsAre(5, 6, 7, 8, 9, 10, 11, 12, 13));
  EXPECT_THAT(access(store, std::vector<Id>{6}).counts, ElementsAre(1));
}

// Ids that stay are not forgotten with those that go.
TEST(TrackedIds, KeepsCountsWhereOthersAreEvicted) {
  TrackedIds store(40);
  access(store, 5, 100);
  for (Id id = 100; id < 200; ++id) access(store, id, 1);
  EXPECT_FALSE(fold(store, 1).empty());
  EXPECT_THAT(access(store, std::vector<Id>{5}).counts, ElementsAre(101));
  EXPECT_EQ(store.count(store.find(5)), 101);
}

TEST(TrackedIds, RefusesWhatItCannotTrust) {
  const Bytes good = saved(golden_store());
  TrackedIds store(40);
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto loaded = load(store, ByteView(good).first(n));
    ASSERT_FALSE(loaded.has_value()) << n;
    ASSERT_EQ(loaded.error().code, ErrorCode::kCorrupt);
    ASSERT_EQ(store.size(), 0U);
  }

  TrackedIds larger(41);
  const auto conflict = load(larger, good);
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, ErrorCode::kConflict);
  EXPECT_NE(conflict.error().message.find("max_tracked_ids"), std::string::npos);
  TrackedIds keener(40, 0.2);
  EXPECT_EQ(load(keener, good).error().code, ErrorCode::kConflict);

  // Offsets of the format: header 32 bytes, shard header 32, then 40 slots and 40 ids.
  const std::size_t slots_at = 64;
  const std::size_t size = golden_store().size();
  const std::size_t ids_at = slots_at + 4 * size;
  const std::size_t counts_at = ids_at + 8 * size;
  const auto with = [&](std::size_t at, auto value) {
    Bytes bad = good;
    std::memcpy(bad.data() + at, &value, sizeof(value));
    return load(store, bad);
  };
  const Id first = [&] {
    ByteReader in(good);
    std::vector<std::byte> skipped(ids_at);
    in.get_array(std::span(skipped));
    return in.get<Id>();
  }();
  const std::vector<std::pair<const char*, Result<void>>> cases = {
      {"does not start with", with(0, std::uint32_t{7})},
      {"number of shards", with(4, std::uint32_t{2})},
      {"weight", with(24, 0.5)},
      {"weight", with(24, 1.0 + 1e-15)},
      {"weight", with(24, std::nan(""))},
      {"header", with(32, std::uint32_t{41})},
      {"header", with(36, std::uint32_t{2})},
      {"header", with(56, -1.0)},
      {"ascend", with(slots_at + 4, std::uint32_t{0})},
      {"ascend", with(slots_at + 4 * (size - 1), std::uint32_t{100})},
      {"twice", with(ids_at + 8, first)},
      {"count", with(counts_at, -1.0)},
      {"count", with(counts_at, HUGE_VAL)},
      {"count", with(counts_at + 8 * size, 1e30F)},
      {"RCM1", with(counts_at + 12 * size, std::uint32_t{7})},
  };
  for (const auto& [words, loaded] : cases) {
    SCOPED_TRACE(words);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(loaded.error().message.find(words), std::string::npos) << loaded.error().message;
  }
  EXPECT_EQ(store.size(), 0U);

  TrackedIds sharded(20'000);
  access(sharded, zipf_ids(60, 3000, 3000));
  Bytes misplaced = saved(sharded);
  const std::size_t n = sharded.size_of_shard(0);
  const Id foreign = [&] {
    Id id = 0;
    while (sharded.shard_of(id) == 0) ++id;
    return id;
  }();
  std::memcpy(misplaced.data() + 64 + 4 * n, &foreign, sizeof(foreign));
  const auto loaded = load(sharded, misplaced);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_NE(loaded.error().message.find("another shard"), std::string::npos);
}

// Whatever bytes it is given it either refuses them or ends in a state it can go on from.
TEST(TrackedIds, SurvivesDamagedBytes) {
  const Bytes good = saved(golden_store());
  Random random(70);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    Bytes bad = good;
    for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
      bad[random.below(bad.size())] ^= static_cast<std::byte>(1 + random.below(255));
    }
    TrackedIds store(40);
    if (!load(store, bad)) ++refused;
    for (Id id = 0; id < 100; ++id) access(store, id, 1);
    fold(store, 0.5);
    ASSERT_LE(store.size(), store.slot_count());
    std::uint64_t visited = 0;
    store.for_each([&](Slot, Id, double) { ++visited; });
    ASSERT_EQ(visited, store.size());
  }
  EXPECT_GT(refused, 1000);
}

TEST(TrackedIdsDeathTest, RefusesImpossibleArguments) {
  EXPECT_DEATH(TrackedIds(0), "max_tracked_ids");
  EXPECT_DEATH(TrackedIds(TrackedIds::kMaxCapacity + 1), "max_tracked_ids");
  EXPECT_DEATH(TrackedIds(10, 0.0), "evict_share");
  EXPECT_DEATH(TrackedIds(10).decay(1.5), "decay");
}

// Of odd ids: 1.
void starts_odd(std::span<const Slot> slots, std::span<const Id> ids, std::span<Marks> marks) {
  ASSERT_EQ(slots.size(), ids.size());
  ASSERT_EQ(marks.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) marks[i] = static_cast<Marks>(ids[i] % 2);
}

// Also where it comes again before anybody was asked what it starts with.
TEST(TrackedIds, IdsHaveTheirMarksFromTheFirstAccessOn) {
  TrackedIds store(20'000);
  std::vector<Id> ids;
  for (Id id = 0; id < 500; ++id) {
    for (Id times = 0; times <= id % 4; ++times) ids.push_back(id);
  }
  const Intake all = access(store, ids, 2, starts_odd);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool again = i > 0 && ids[i - 1] == ids[i];
    EXPECT_EQ(all.marks[i], ids[i] % 2 + (again ? 2 : 0)) << i;
    EXPECT_EQ(store.marks(all.slots[i]), ids[i] % 2 + 2) << i;
  }
}

// Slots take the bits of the lower marks. Memory that is not touched costs nothing.
TEST(TrackedIds, VeryLargeStoresKeepTheUpperMarks) {
  EXPECT_EQ(TrackedIds(1'000'000).marks_kept(), 0x7f);
  TrackedIds store(150'000'000);
  ASSERT_EQ(store.marks_kept(), 0x60);
  const std::vector<Id> ids{3, 4, 5, 3};
  const Intake first = access(store, ids, 0x7f, starts_odd);
  EXPECT_THAT(first.marks, ElementsAre(0, 0, 0, 0x60));
  EXPECT_EQ(first.slots[0], first.slots[3]);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(store.find(ids[i]), first.slots[i]);
    EXPECT_EQ(store.id_of(first.slots[i]), ids[i]);
    EXPECT_EQ(store.marks(first.slots[i]), 0x60);
  }
  store.clear_marks(0x3f);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(store.marks(first.slots[i]), 0x40);
    EXPECT_EQ(store.find(ids[i]), first.slots[i]);
  }
}

// Marks stay with an id wherever it sits in the index, and leave with it.
TEST(TrackedIds, MarksStayWithTheirIds) {
  TrackedIds store(20'000);
  std::vector<Id> ids;
  for (std::uint64_t i = 0; i < 20'000; ++i) ids.push_back(hash_id(i, 5));
  const Intake first = access(store, ids, 0, starts_odd);
  const Intake second = access(store, ids, 2);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (first.slots[i] == kNoSlot) {
      EXPECT_EQ(second.marks[i], 0);
      continue;
    }
    EXPECT_EQ(first.marks[i], ids[i] % 2) << "as it was admitted";
    EXPECT_EQ(second.marks[i], ids[i] % 2) << "before this access";
    EXPECT_EQ(store.marks(first.slots[i]), ids[i] % 2 + 2);
  }
  // New ids make room necessary; the index is laid out anew.
  std::vector<Id> others;
  for (std::uint64_t i = 0; i < 2'000; ++i) others.push_back(hash_id(i, 6));
  access(store, others);
  const std::vector<Slot> evicted = fold(store, 1);
  ASSERT_FALSE(evicted.empty());
  for (const Slot slot : evicted) EXPECT_EQ(store.marks(slot), 0);
  store.for_each([&](Slot slot, Id id, double) {
    if (std::find(others.begin(), others.end(), id) != others.end()) return;
    ASSERT_EQ(store.marks(slot), id % 2 + 2);
  });

  std::vector<Slot> slots(ids.size());
  store.clear_marks(1);
  store.for_each([&](Slot slot, Id, double) { ASSERT_EQ(store.marks(slot) & 1, 0); });
  store.clear_marks(store.marks_kept());
  store.add_marks(std::span(ids).first(100), std::span(slots).first(100), 1);
  store.add_marks_where([](Slot slot) { return slot % 3 == 0; }, 2);
  store.find(ids, slots);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (slots[i] == kNoSlot) continue;
    EXPECT_EQ(store.marks(slots[i]), (i < 100 ? 1 : 0) + (slots[i] % 3 == 0 ? 2 : 0));
  }
}

}  // namespace
}  // namespace remapd::sketch
