#include "client/cpp/serving_point.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/check.h"
#include "tests/unit/client/cpp/version_chain.h"

namespace remapd::client {
namespace {

LoadedMappingPtr load(const ChainLink& link) {
  auto loaded = LoadedMapping::from_snapshot(
      link.publication.manifest, std::make_shared<mapping::OwnedBlob>(link.publication.blobs[0]));
  REMAPD_CHECK(loaded.has_value(), "the link is sound");
  return *loaded;
}

TEST(ServingPoint, APinHoldsItsVersionStill) {
  const auto chain = make_chain(3, 1);
  auto point = std::make_shared<ServingPoint>(load(chain[0]));
  Reader early = point->reader();
  Reader late = point->reader();
  const Pin first = early.pin();
  point->swap(load(chain[1]));
  const Pin second = late.pin();
  point->swap(load(chain[2]));
  EXPECT_EQ(first.version(), Version{1});
  EXPECT_EQ(second.version(), Version{2});
  EXPECT_EQ(point->current()->version(), Version{3});
  for (const Pin* pin : {&first, &second}) {
    const mapping::Mapping& mapping = chain[pin->version().value - 1].mapping;
    std::vector<Row> rows(mapping.ids.size());
    pin->lookup(mapping.ids, rows);
    EXPECT_EQ(rows, mapping.rows);
  }
}

TEST(ServingPoint, FreesEachVersionWhenNobodyHasItPinned) {
  const auto chain = make_chain(4, 2);
  std::vector<std::weak_ptr<const LoadedMapping>> alive;
  const auto loaded = [&](std::size_t i) {
    LoadedMappingPtr mapping = load(chain[i]);
    alive.push_back(mapping);
    return mapping;
  };
  auto point = std::make_shared<ServingPoint>(loaded(0));
  Reader reader = point->reader();
  {
    const Pin pin = reader.pin();
    for (std::size_t i = 1; i < chain.size(); ++i) point->swap(loaded(i));
    EXPECT_FALSE(alive[0].expired());
    EXPECT_TRUE(alive[1].expired());  // a long pin keeps only its own version
    EXPECT_TRUE(alive[2].expired());
    EXPECT_EQ(point->reclaim(), 1u);
  }
  EXPECT_EQ(point->reclaim(), 0u);
  EXPECT_TRUE(alive[0].expired());
  EXPECT_FALSE(alive[3].expired());
}

TEST(ServingPoint, AReaderKeepsServingAfterItsMaker) {
  const auto chain = make_chain(1, 3);
  auto point = std::make_shared<ServingPoint>(load(chain[0]));
  Reader reader = point->reader();
  Reader moved = std::move(reader);
  EXPECT_EQ(point->readers(), 1u);
  point.reset();
  EXPECT_EQ(moved.pin().version(), Version{1});
}

TEST(ServingPointDeathTest, OnePinAtATime) {
  auto point = std::make_shared<ServingPoint>(LoadedMapping::initial(10, 1));
  Reader reader = point->reader();
  const Pin pin = reader.pin();
  EXPECT_DEATH((void)reader.pin(), "one pin at a time");
}

// Readers on several threads look up while versions are swapped as fast as they can be loaded;
// every row is checked against the version that the pin claims.
TEST(ServingPoint, EveryRowIsOfTheVersionItsPinClaims) {
  constexpr std::size_t kReaders = 4;
  constexpr std::size_t kSwaps = 300;
  const auto chain = make_chain(5, 4);
  std::vector<Id> ids;
  for (const ChainLink& link : chain) {
    ids.insert(ids.end(), link.mapping.ids.begin(), link.mapping.ids.begin() + 100);
  }
  for (Id id = 0; id < 50; ++id) ids.push_back(mix64(id));  // unknown to all
  std::vector<std::vector<Row>> expected;
  for (const ChainLink& link : chain) {
    std::vector<Row> rows(ids.size());
    load(link)->lookup(ids, rows);
    for (std::size_t i = 0; i + 50 < ids.size(); ++i) {
      ASSERT_EQ(rows[i], link.mapping.lookup(ids[i]));
    }
    expected.push_back(std::move(rows));
  }

  auto point = std::make_shared<ServingPoint>(load(chain[0]));
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::size_t> swaps_seen{0};
  std::vector<std::jthread> readers;
  for (std::size_t r = 0; r < kReaders; ++r) {
    readers.emplace_back([&] {
      Reader reader = point->reader();
      std::vector<Row> rows(ids.size());
      Version last = kNoVersion;
      for (bool last_round = false; !last_round;) {
        last_round = over.load();
        const Pin pin = reader.pin();
        pin.lookup(ids, rows);
        const std::vector<Row>& right = expected[pin.version().value - 1];
        for (std::size_t i = 0; i < rows.size(); ++i) wrong += rows[i] != right[i];
        if (pin.version() != last) ++swaps_seen;
        last = pin.version();
      }
    });
  }
  for (std::size_t s = 1; s <= kSwaps; ++s) point->swap(load(chain[s % chain.size()]));
  over = true;
  readers.clear();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GE(swaps_seen, kReaders);
  EXPECT_EQ(point->reclaim(), 0u);
  EXPECT_EQ(point->readers(), 0u);
}

}  // namespace
}  // namespace remapd::client
