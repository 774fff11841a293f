#include "core/embedding/stretch.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/embedding/thinning.h"
#include "tests/unit/embedding/batches.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kSlots = 50;  // of each table
const std::vector<NodeRange> kTables = {{0, kSlots}, {kSlots, kSlots}};
constexpr Node kNodes = 2 * kSlots;

// An access as a stretch should tell it.
struct Told {
  Node entry;
  std::uint32_t sample;
  std::uint32_t stands_for;
  bool operator==(const Told&) const = default;
};

// What a stretch is to say, sample by sample and id by id.
struct Expected {
  std::vector<std::vector<Told>> accesses{kTables.size() * Stretch::kParts};
  std::vector<std::vector<Node>> contexts;
};

Expected expected(const SlotBatch& batch, std::size_t first, std::size_t last,
                  const Generations& generations, const std::vector<Node>& common) {
  Expected out;
  for (std::size_t s = first; s < last; ++s) {
    std::size_t ids = 0;
    for (const SlotBatch::Column& column : batch.columns) ids += column.of(s).size();
    std::vector<Node>& contexts = out.contexts.emplace_back();
    for (const SlotBatch::Column& column : batch.columns) {
      for (std::uint32_t at = column.begin[s]; at < column.begin[s + 1]; ++at) {
        if (column.slots[at] == kNoSlot) continue;
        const Node first_node = kTables[column.table.value].first;
        const Node node = first_node + column.slots[at];
        const Node entry = generations.entry(node, column.generation[at]);
        if (std::ranges::find(common, node) == common.end()) contexts.push_back(entry);
        std::uint8_t stands_for = kNotLearned;
        thin(first_node, std::span(&column.slots[at], 1), std::span(&column.count[at], 1),
             ids == 2 ? 6 : 5, std::span(&stands_for, 1));
        if (ids < 2 || batch.labels[s] <= 0 || stands_for == kNotLearned) continue;
        out.accesses[column.table.value * Stretch::kParts + Stretch::part_of(node)].push_back(
            {entry, static_cast<std::uint32_t>(s - first), stands_for});
      }
    }
  }
  return out;
}

void check(const Stretch& stretch, const Expected& expected, const SlotBatch& batch,
           std::size_t first) {
  ASSERT_EQ(stretch.samples(), expected.contexts.size());
  ASSERT_EQ(stretch.parts(), expected.accesses.size());
  for (std::size_t part = 0; part < stretch.parts(); ++part) {
    std::vector<Told> told;
    for (const Stretch::Access& access : stretch.accesses(part)) {
      told.push_back({access.entry, access.sample, access.stands_for});
    }
    EXPECT_EQ(told, expected.accesses[part]) << "part " << part;
  }
  bool learns = false;
  for (const auto& accesses : expected.accesses) learns |= !accesses.empty();
  for (std::uint32_t s = 0; learns && s < stretch.samples(); ++s) {
    const auto contexts = stretch.contexts(s);
    EXPECT_EQ(std::vector<Node>(contexts.begin(), contexts.end()), expected.contexts[s])
        << "sample " << first + s << " of " << batch.samples;
  }
}

// Lists of `least` to `most` ids in each of the columns; one in ten not tracked.
SlotBatch random_batch(std::size_t samples, const std::vector<std::uint32_t>& tables,
                       std::uint64_t least, std::uint64_t most, bool labelled, std::uint64_t seed) {
  Random random(seed);
  std::vector<Sample> out(samples);
  for (Sample& sample : out) {
    for (std::size_t c = 0; c < tables.size(); ++c) {
      std::vector<Slot>& slots = sample.slots.emplace_back(least + random.below(most - least + 1));
      for (Slot& slot : slots) {
        slot = random.below(10) == 0 ? kNoSlot : static_cast<Slot>(random.below(kSlots));
      }
    }
    if (labelled) sample.label = static_cast<float>(random.below(2));
  }
  SlotBatch batch = batch_of(out, 0, samples, tables);
  for (SlotBatch::Column& column : batch.columns) {
    for (std::size_t i = 0; i < column.slots.size(); ++i) {
      if (column.slots[i] == kNoSlot) continue;
      column.count[i] = static_cast<std::uint32_t>(1 + random.below(1'000));
      column.generation[i] = static_cast<std::uint8_t>(random.below(Generations::kAll));
    }
  }
  return batch;
}

TEST(Stretch, SaysWhatIsInTheSamples) {
  struct Case {
    std::vector<std::uint32_t> tables;  // of the columns
    std::uint64_t least;
    std::uint64_t most;
    bool labelled;
  };
  const Case cases[] = {
      {{0, 1}, 1, 1, false},                            // pairs
      {{0, 1, 0, 1}, 1, 1, false},                      // columns that share tables
      {{0, 1, 0}, 1, 1, true},                          // shown samples say nothing
      {{0, 1, 1, 0}, 0, 1, false},                      // some alone, some in pairs
      {{1, 0, 0}, 0, 12, true},                         // lists
      {{1}, 3, 80, false},         {{0}, 1, 1, false},  // nobody is seen with anybody
  };
  const Generations generations(kNodes);
  for (const Case& c : cases) {
    Stretch stretch;  // its memory is used again
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      const std::size_t samples = 40 * seed;
      const SlotBatch batch = random_batch(samples, c.tables, c.least, c.most, c.labelled, seed);
      const std::vector<Node> few = {3, 17, kSlots + 4};
      CommonNodes common(kNodes);
      for (const auto& [first, last] :
           {std::pair{std::size_t{0}, samples}, {std::size_t{7}, samples - 3}, {7UL, 7UL}}) {
        stretch.prepare(batch, first, last, kTables, generations);
        const std::vector<Node> before = common.nodes();
        stretch.find_contexts(generations, common);
        check(stretch, expected(batch, first, last, generations, before), batch, first);
        // Others have become common.
        if (before.empty()) common.add(few);
        stretch.find_contexts(generations, common);
        check(stretch, expected(batch, first, last, generations, few), batch, first);
      }
    }
  }
}

}  // namespace
}  // namespace remapd::embedding
