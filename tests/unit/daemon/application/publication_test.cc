#include "daemon/application/publication.h"

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/delta.h"
#include "tests/unit/daemon/application/small_engine.h"

namespace remapd::application {
namespace {

using mapping::BlobKind;

const Bytes& bytes(const mapping::Publication& publication, BlobKind kind) {
  return publication.blobs[static_cast<std::size_t>(kind)];
}

// Whatever the manifest names is there, and nothing else is.
void expect_consistent(const mapping::Publication& publication) {
  for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan}) {
    const auto& named = publication.manifest.blob(kind);
    const Bytes& blob = bytes(publication, kind);
    ASSERT_EQ(named.has_value(), !blob.empty()) << to_string(kind);
    if (!named) continue;
    EXPECT_EQ(named->size, blob.size());
    EXPECT_EQ(named->checksum, checksum(blob));
  }
}

class PublicationOf : public testing::Test {
 protected:
  PublicationOf() {
    engine_->ingest(some_samples(400));
    first_ = build(*engine_, 1);
    engine_->adopt(first_);
    engine_->ingest(some_samples(50, 2));
    second_ = build(*engine_, 2);
  }

  // `parent`: what clients have; empty: not known.
  Prepared prepare(const pipeline::BuildOutcome& outcome, const Bytes& parent,
                   bool with_snapshot = false) {
    ClientsMapping clients;
    if (!parent.empty()) {
      clients.set(Version{1}, {.artifact = std::make_shared<mapping::OwnedBlob>(parent),
                               .snapshot_bytes = 1'000'000});
    }
    return prepare_publication(outcome, mapping::encode_artifact(outcome.mapping, outcome.artifact),
                               clients, {.share = 0.5, .always = with_snapshot},
                               {.instance = "here", .built_samples = 400, .next_samples = 450});
  }

  std::unique_ptr<pipeline::Engine> engine_ = small_engine();
  pipeline::BuildOutcome first_;
  pipeline::BuildOutcome second_;
};

TEST_F(PublicationOf, TheFirstVersionIsASnapshotWithAPlan) {
  const auto publication = prepare(first_, {}).publication;
  expect_consistent(publication);
  EXPECT_TRUE(publication.manifest.blob(BlobKind::kSnapshot));
  EXPECT_FALSE(publication.manifest.blob(BlobKind::kDelta));
  EXPECT_TRUE(publication.manifest.blob(BlobKind::kPlan));
  EXPECT_EQ(publication.manifest.instance, "here");
  EXPECT_EQ(publication.manifest.built_samples, 400U);
  EXPECT_EQ(publication.manifest.built_samples, 400U);
  EXPECT_EQ(publication.manifest.next_samples, 450U);
  EXPECT_EQ(publication.manifest.ids, first_.mapping.ids.size());
  EXPECT_EQ(publication.manifest.content_hash, mapping::content_hash(first_.mapping));
  EXPECT_EQ(publication.manifest.rollback_of, kNoVersion);
}

TEST_F(PublicationOf, ADeltaLeadsFromTheVersionClientsHave) {
  const Bytes parent = mapping::encode_artifact(first_.mapping);
  auto prepared = prepare(second_, parent);
  expect_consistent(prepared.publication);
  EXPECT_FALSE(prepared.publication.manifest.blob(BlobKind::kSnapshot));
  ASSERT_TRUE(prepared.publication.manifest.blob(BlobKind::kDelta));
  const auto view = mapping::ArtifactView::open(parent, mapping::Verify::kAll);
  const auto delta = mapping::decode_delta(bytes(prepared.publication, BlobKind::kDelta));
  ASSERT_TRUE(delta);
  const auto after = mapping::apply_delta(*view, *delta);
  ASSERT_TRUE(after) << after.error().message;
  const auto kept = std::move(prepared).keep();
  const auto& artifact = kept->blob(BlobKind::kSnapshot);
  ASSERT_TRUE(artifact);
  EXPECT_TRUE(std::ranges::equal(artifact->view(), *after));
  // Where it is handed out, the whole is there too, and the manifest says so.
  ASSERT_TRUE(kept->manifest.blob(BlobKind::kSnapshot));
  EXPECT_EQ(kept->manifest.blob(BlobKind::kSnapshot)->checksum, checksum(*after));
  EXPECT_TRUE(kept->blob(BlobKind::kDelta) && kept->blob(BlobKind::kPlan));
}

TEST_F(PublicationOf, ASnapshotCanBeAskedFor) {
  const Bytes parent = mapping::encode_artifact(first_.mapping);
  auto prepared = prepare(second_, parent, true);
  expect_consistent(prepared.publication);
  EXPECT_TRUE(prepared.publication.manifest.blob(BlobKind::kSnapshot));
  EXPECT_TRUE(prepared.publication.manifest.blob(BlobKind::kDelta));
  // It is what clients take.
  EXPECT_TRUE(std::ranges::equal(std::move(prepared).keep()->blob(BlobKind::kSnapshot)->view(),
                                 mapping::encode_artifact(second_.mapping)));
}

// Neither to a compact version nor from one.
TEST_F(PublicationOf, NoDeltaConcernsCompactVersions) {
  constexpr auto kCompact = mapping::ArtifactKind::kCompact;
  const auto expect_whole = [&](mapping::ArtifactKind before, mapping::ArtifactKind after) {
    const Bytes parent = mapping::encode_artifact(first_.mapping, before);
    second_.artifact = after;
    const Bytes artifact = mapping::encode_artifact(second_.mapping, after);
    auto prepared = prepare(second_, parent);
    expect_consistent(prepared.publication);
    EXPECT_EQ(bytes(prepared.publication, BlobKind::kSnapshot).size(), artifact.size());
    EXPECT_FALSE(prepared.publication.manifest.blob(BlobKind::kDelta));
    EXPECT_TRUE(prepared.publication.manifest.blob(BlobKind::kPlan));
  };
  expect_whole(mapping::ArtifactKind::kFast, kCompact);
  expect_whole(kCompact, kCompact);
  expect_whole(kCompact, mapping::ArtifactKind::kFast);
}

TEST_F(PublicationOf, NoDeltaLeadsFromWhatClientsDoNotHave) {
  mapping::Mapping other = first_.mapping;
  other.rows[0] = Row{(other.rows[0].value + 1) % other.info.rows};
  for (const Bytes& parent : {Bytes{}, mapping::encode_artifact(other), Bytes(64)}) {
    const auto publication = prepare(second_, parent).publication;
    expect_consistent(publication);
    EXPECT_TRUE(publication.manifest.blob(BlobKind::kSnapshot));
    EXPECT_FALSE(publication.manifest.blob(BlobKind::kDelta));
  }
}

// A table that grows fast: the artifact clients have cannot take in what is new.
TEST_F(PublicationOf, ADeltaThatDoesNotFitIsLeftOut) {
  const Bytes parent = mapping::encode_artifact(first_.mapping);
  pipeline::EventBatch grown;
  grown.reset(1);
  for (Id id = 1'000; id < 1'200; ++id) {
    grown.mutable_lengths(FeatureIndex{0}).push_back(1);
    grown.mutable_values(FeatureIndex{0}).push_back(id);
  }
  grown.seal(200);
  engine_->ingest(grown);
  const pipeline::BuildOutcome second = build(*engine_, 2);
  ASSERT_GT(second.mapping.ids.size(), 4 * first_.mapping.ids.size());
  const auto publication = prepare(second, parent).publication;
  expect_consistent(publication);
  EXPECT_TRUE(publication.manifest.blob(BlobKind::kSnapshot));
  EXPECT_FALSE(publication.manifest.blob(BlobKind::kDelta));
}

TEST_F(PublicationOf, APlanIsThereAlsoWhenNothingIsToBeDone) {
  second_.plan = {.table = "item",
                  .from = Version{1},
                  .to = Version{2},
                  .from_rows = 16,
                  .to_rows = 16,
                  .changed = {},
                  .source_begin = {0},
                  .sources = {},
                  .weights = {},
                  .state = {},
                  .restarted = {},
                  .restart_sources = {},
                  .restart_weights = {}};
  ASSERT_TRUE(second_.plan.empty());
  const auto publication = prepare(second_, {}).publication;
  const auto plan = mapping::decode_plan(bytes(publication, BlobKind::kPlan));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->empty());
}

TEST_F(PublicationOf, ARollBackNamesItsTarget) {
  const Bytes old = mapping::encode_artifact(first_.mapping);
  const auto target = mapping::ArtifactView::open(old, mapping::Verify::kAll);
  placement::RollBackInput input{.target = &*target,
                                 .incumbent = &second_.mapping,
                                 .version = Version{3},
                                 .epoch = Epoch{1},
                                 .built_ms = 9,
                                 .ids = second_.mapping.ids,
                                 .frequency = {}};
  input.frequency.assign(input.ids.size(), 1);
  const auto rolled_back = placement::roll_back(input);
  ASSERT_TRUE(rolled_back);
  const auto publication =
      prepare_publication(*rolled_back, Version{1}, {.instance = "here", .built_samples = 450})
          .publication;
  expect_consistent(publication);
  EXPECT_EQ(publication.manifest.rollback_of, Version{1});
  EXPECT_EQ(publication.manifest.info.version, Version{3});
  EXPECT_EQ(publication.manifest.content_hash, mapping::content_hash(first_.mapping));
  EXPECT_EQ(publication.manifest.ids, first_.mapping.ids.size());
  EXPECT_EQ(publication.manifest.built_samples, 450U);
  EXPECT_TRUE(publication.manifest.blob(BlobKind::kSnapshot));
  EXPECT_FALSE(publication.manifest.blob(BlobKind::kDelta));
}

}  // namespace
}  // namespace remapd::application
