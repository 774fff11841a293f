#include "core/embedding/id_groups.h"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/unit/embedding/batches.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kSlots = 300;

// Lists of any length, some of whose ids are not tracked.
std::vector<Slot> some_slots(Random& random) {
  std::vector<Slot> out(random.below(4));
  for (Slot& slot : out) {
    slot = random.below(5) == 0 ? kNoSlot : static_cast<Slot>(random.below(kSlots));
  }
  return out;
}

// Two columns of table 0 with one of table 1 between them.
SlotBatch three_columns(std::size_t samples, std::uint64_t seed) {
  Random random(seed);
  std::vector<Sample> out(samples);
  for (Sample& sample : out) {
    for (int c = 0; c < 3; ++c) sample.slots.push_back(some_slots(random));
  }
  return batch_of(out, 0, samples, {0, 1, 0});
}

void expect_grouped(const SlotBatch& batch, const std::vector<std::uint32_t>& columns) {
  IdGroups groups;
  for (const std::size_t mini_batch : {1, 7, 50, 64, 4'096}) {
    groups.find(batch, columns, mini_batch);
    for (std::size_t m = 0; m * mini_batch < batch.samples; ++m) {
      const std::size_t first = m * mini_batch;
      const std::size_t last = std::min(batch.samples, first + mini_batch);
      struct Access {
        std::size_t sample;
        Slot slot;
      };
      std::vector<Access> by_position;
      std::vector<std::vector<Slot>> of_sample(last - first);  // over both columns
      std::vector<Slot> ids;                                   // as they appear
      std::vector<std::uint32_t> ends;
      for (const std::uint32_t c : columns) {
        for (std::size_t s = first; s < last; ++s) {
          for (const Slot slot : batch.columns[c].of(s)) {
            if (slot == kNoSlot) continue;
            by_position.push_back({s - first, slot});
            of_sample[s - first].push_back(slot);
          }
        }
        ends.push_back(static_cast<std::uint32_t>(by_position.size()));
      }
      std::vector<Slot> in_order;
      for (const auto& slots : of_sample) {
        for (const Slot slot : slots) {
          in_order.push_back(slot);
          if (std::find(ids.begin(), ids.end(), slot) == ids.end()) ids.push_back(slot);
        }
      }
      const auto found_ids = groups.ids(m);
      EXPECT_EQ(std::vector(found_ids.begin(), found_ids.end()), ids);
      const auto found_ends = groups.column_ends(m);
      EXPECT_EQ(std::vector(found_ends.begin(), found_ends.end()), ends);
      const auto accesses = groups.accesses(m);
      ASSERT_EQ(accesses.size(), in_order.size());
      std::vector<int> met(by_position.size());
      for (std::size_t i = 0; i < accesses.size(); ++i) {
        ASSERT_LT(accesses[i].position, by_position.size());
        ++met[accesses[i].position];
        EXPECT_EQ(by_position[accesses[i].position].sample, accesses[i].sample);
        EXPECT_EQ(by_position[accesses[i].position].slot, in_order[i]);
        EXPECT_EQ(found_ids[accesses[i].id], in_order[i]);
      }
      EXPECT_EQ(met, std::vector<int>(by_position.size(), 1));
    }
  }
}

TEST(IdGroups, HoldEveryAccessOnceWithItsSampleAndId) {
  for (const std::size_t samples : {50, 2'000}) {
    const SlotBatch batch = three_columns(samples, 1);
    expect_grouped(batch, {0, 2});
    expect_grouped(batch, {1});
  }
}

TEST(IdGroups, ForgetTheBatchBefore) {
  IdGroups used;
  used.find(three_columns(40, 2), std::vector<std::uint32_t>{0, 2}, 8);
  const SlotBatch batch = three_columns(9, 3);
  used.find(batch, std::vector<std::uint32_t>{1}, 4);
  IdGroups fresh;
  fresh.find(batch, std::vector<std::uint32_t>{1}, 4);
  for (std::size_t m = 0; m < 3; ++m) {
    const auto a = used.ids(m);
    const auto b = fresh.ids(m);
    EXPECT_EQ(std::vector(a.begin(), a.end()), std::vector(b.begin(), b.end()));
    EXPECT_EQ(used.accesses(m).size(), fresh.accesses(m).size());
  }
}

}  // namespace
}  // namespace remapd::embedding
