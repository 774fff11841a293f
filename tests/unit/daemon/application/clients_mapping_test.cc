#include "daemon/application/clients_mapping.h"

#include <gtest/gtest.h>

#include "core/mapping/artifact.h"
#include "core/mapping/artifact_encoder.h"

namespace remapd::application {
namespace {

mapping::Mapping first() {
  mapping::Mapping out;
  out.info.table = "item";
  out.info.version = Version{1};
  out.info.epoch = Epoch{1};
  out.info.rows = 64;
  out.info.fallback = {.first_row = 60, .row_count = 4};
  for (Id id = 0; id < 500; ++id) {
    out.ids.push_back(7 * id);
    out.rows.push_back(Row{static_cast<std::uint32_t>(id % 60)});
  }
  return out;
}

mapping::BlobPtr blob(const mapping::Mapping& mapping,
                      mapping::ArtifactKind kind = mapping::ArtifactKind::kFast) {
  return std::make_shared<mapping::OwnedBlob>(mapping::encode_artifact(mapping, kind));
}

// From version n to the next: an id comes, another moves.
mapping::Delta step(mapping::Mapping& mapping) {
  mapping::Mapping next = mapping;
  next.info.parent = mapping.info.version;
  next.info.version = Version{mapping.info.version.value + 1};
  next.ids.push_back(next.ids.back() + 3);
  next.rows.push_back(Row{11});
  next.rows[next.info.version.value] = Row{59};
  mapping::Delta delta = mapping::make_delta(mapping, next);
  mapping = next;
  return delta;
}

TEST(ClientsMapping, FollowsIncrements) {
  mapping::Mapping now = first();
  ClientsMapping clients;
  EXPECT_EQ(clients.version(), kNoVersion);
  EXPECT_EQ(clients.artifact(), nullptr);
  clients.set(Version{1}, {.artifact = blob(now)});
  for (int i = 0; i < 5; ++i) {
    const auto applied = clients.apply(step(now));
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(clients.version(), now.info.version);
    if (i % 2 == 0) continue;
    // What is read in between is that version.
    const auto view =
        mapping::ArtifactView::open(clients.artifact()->view(), mapping::Verify::kAll);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->info(), now.info);
    EXPECT_EQ(view->content_hash(), mapping::content_hash(now));
    for (const Id id : now.ids) EXPECT_EQ(view->lookup(id), now.lookup(id));
  }
}

TEST(ClientsMapping, ForgetsWhatAnIncrementDoesNotFit) {
  mapping::Mapping now = first();
  const mapping::Mapping start = now;
  const mapping::Delta good = step(now);
  mapping::Delta moves_nobody = good;
  moves_nobody.moved[0] = 1'000'003;
  mapping::Delta elsewhere = good;
  ++elsewhere.content_hash;
  for (const mapping::Delta& bad : {moves_nobody, elsewhere}) {
    ClientsMapping clients;
    clients.set(Version{1}, {.artifact = blob(start)});
    EXPECT_FALSE(clients.apply(bad));
    EXPECT_EQ(clients.version(), kNoVersion);
    EXPECT_FALSE(clients.apply(good)) << "nothing is known any more";
  }
  ClientsMapping compact;
  compact.set(Version{1}, {.artifact = blob(start, mapping::ArtifactKind::kCompact)});
  EXPECT_EQ(compact.apply(good).error().code, ErrorCode::kResource);
}

TEST(ClientsMapping, SaysWhenASnapshotIsDue) {
  const auto published = [](std::uint64_t snapshot, std::uint64_t delta) {
    mapping::Manifest out;
    if (snapshot > 0) out.blobs[0] = {.size = snapshot, .checksum = 0};
    if (delta > 0) out.blobs[1] = {.size = delta, .checksum = 0};
    return out;
  };
  ClientsMapping clients;
  EXPECT_TRUE(clients.snapshot_is_due(1, 0.5)) << "there is none";
  clients.published(published(1'000, 0), nullptr);
  EXPECT_FALSE(clients.snapshot_is_due(499, 0.5));
  EXPECT_TRUE(clients.snapshot_is_due(500, 0.5));
  EXPECT_TRUE(clients.snapshot_is_due(0, 0));
  clients.published(published(0, 400), nullptr);
  EXPECT_TRUE(clients.snapshot_is_due(100, 0.5));
  clients.published(published(2'000, 100), nullptr);
  EXPECT_FALSE(clients.snapshot_is_due(900, 0.5));
  // After a restart by what there is.
  clients.set(Version{9}, {.artifact = nullptr, .snapshot_bytes = 1'000, .delta_bytes = 450});
  EXPECT_FALSE(clients.snapshot_is_due(49, 0.5));
  EXPECT_TRUE(clients.snapshot_is_due(50, 0.5));
}

}  // namespace
}  // namespace remapd::application
