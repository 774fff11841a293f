#include "daemon/application/follower.h"

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"
#include "daemon/application/publication.h"

namespace remapd::daemon {
namespace {

mapping::Mapping mapping_of(std::uint64_t version, std::size_t ids) {
  mapping::Mapping out;
  out.info.table = "item";
  out.info.version = Version{version};
  out.info.parent = Version{version - 1};
  out.info.rows = 100;
  out.info.fallback = {.first_row = 0, .row_count = 100, .ways = 1, .seed = 1};
  for (std::uint64_t id = 1; id <= ids; ++id) {
    out.ids.push_back(id);
    out.rows.push_back(Row{static_cast<std::uint32_t>(mix64(id + version) % 100)});
  }
  return out;
}

mapping::Publication snapshot_of(const mapping::Mapping& mapping) {
  mapping::Publication out;
  out.manifest.info = mapping.info;
  add_snapshot(mapping::encode_artifact(mapping), out);
  return out;
}

mapping::Publication delta_of(const mapping::Mapping& from, const mapping::Mapping& to) {
  mapping::Publication out;
  out.manifest.info = to.info;
  constexpr auto kDelta = static_cast<std::size_t>(mapping::BlobKind::kDelta);
  out.blobs[kDelta] = mapping::encode_delta(mapping::make_delta(from, to));
  out.manifest.blobs[kDelta] =
      mapping::BlobInfo{.size = out.blobs[kDelta].size(), .checksum = checksum(out.blobs[kDelta])};
  return out;
}

TEST(Follower, FollowsASnapshotAndTheDeltasAfterIt) {
  const auto first = mapping_of(1, 1'000);
  const auto second = mapping_of(2, 1'010);
  const auto third = mapping_of(3, 1'020);
  Follower follower;
  EXPECT_TRUE(follower.follow(snapshot_of(first)));
  EXPECT_TRUE(follower.follow(delta_of(first, second)));
  EXPECT_TRUE(follower.follow(delta_of(second, third)));
}

TEST(Follower, HasNoUseForADeltaWithoutWhatItAppliesTo) {
  const auto first = mapping_of(1, 1'000);
  const auto second = mapping_of(2, 1'010);
  const auto third = mapping_of(3, 1'020);
  Follower follower;
  EXPECT_FALSE(follower.follow(delta_of(first, second)));
  EXPECT_TRUE(follower.follow(snapshot_of(first)));
  EXPECT_FALSE(follower.follow(delta_of(second, third))) << "a version is missing";
  EXPECT_TRUE(follower.follow(delta_of(first, second))) << "nothing had changed";
  follower.forget();
  EXPECT_FALSE(follower.follow(delta_of(second, third)));
}

TEST(Follower, CannotFollowADeltaThatAddsMoreThanThereIsRoomFor) {
  const auto first = mapping_of(1, 1'000);
  const auto second = mapping_of(2, 4'000);
  Follower follower;
  EXPECT_TRUE(follower.follow(snapshot_of(first)));
  EXPECT_FALSE(follower.follow(delta_of(first, second)));
  EXPECT_TRUE(follower.follow(snapshot_of(second)));
  EXPECT_TRUE(follower.follow(delta_of(second, mapping_of(3, 4'001))));
}

}  // namespace
}  // namespace remapd::daemon
