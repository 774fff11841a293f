#include "connectors/files/directory_source.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/files/directory_sink.h"
#include "connectors/files/mapping_directory.h"
#include "connectors/proto/manifest_codec.h"
#include "tests/support/publications.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using mapping::BlobKind;
using test_support::publication_of;
using test_support::PublicationSpec;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::chrono::milliseconds kAtOnce{0};

std::unique_ptr<DirectoryMappingSource> open_source(const TempDir& dir) {
  auto source = DirectoryMappingSource::create(dir.path(), "items");
  EXPECT_TRUE(source) << source.error().message;
  return std::move(*source);
}

std::unique_ptr<DirectoryMappingSink> open_sink(const TempDir& dir, std::uint32_t retain = 16) {
  auto sink = DirectoryMappingSink::create({.directory = dir.path(), .retain_versions = retain});
  EXPECT_TRUE(sink);
  EXPECT_TRUE((*sink)->take_over("items", "one"));
  return std::move(*sink);
}

void publish(DirectoryMappingSink& sink, const PublicationSpec& spec) {
  const auto published = sink.publish(publication_of(spec));
  ASSERT_TRUE(published) << published.error().message;
}

PublicationSpec delta_version(std::uint64_t version) {
  return {.version = version, .snapshot = "", .delta = "delta " + std::to_string(version)};
}

std::vector<std::uint64_t> polled(DirectoryMappingSource& source,
                                  std::chrono::milliseconds timeout = kAtOnce) {
  const auto manifests = source.poll(timeout);
  EXPECT_TRUE(manifests);
  std::vector<std::uint64_t> versions;
  for (const auto& manifest : *manifests) versions.push_back(manifest.info.version.value);
  return versions;
}

fs::path file_of(const TempDir& dir, std::uint64_t version, std::string_view name) {
  return dir / "items" / version_directory(Version{version}) / name;
}

TEST(DirectoryMappingSource, WaitsForADirectoryThatIsNotThereYet) {
  const TempDir dir;
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), IsEmpty());
  auto sink = open_sink(dir);
  EXPECT_THAT(polled(*source), IsEmpty());
  publish(*sink, {.version = 1});
  EXPECT_THAT(polled(*source), ElementsAre(1U));
  EXPECT_THAT(polled(*source), IsEmpty()) << "each version once";
  EXPECT_THAT(source->last_problem(), IsEmpty());
}

TEST(DirectoryMappingSource, BeginsAtTheNewestSnapshot) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 1});
  publish(*sink, {.version = 2});
  publish(*sink, delta_version(3));
  publish(*sink, delta_version(4));
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), ElementsAre(2U, 3U, 4U));
  publish(*sink, delta_version(5));
  publish(*sink, {.version = 6});
  EXPECT_THAT(polled(*source), ElementsAre(5U, 6U));
}

TEST(DirectoryMappingSource, MissesNoneWhenItWasThereBeforeTheFirst) {
  const TempDir dir;
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), IsEmpty());
  auto sink = open_sink(dir);
  for (std::uint64_t version = 1; version <= 3; ++version) publish(*sink, {.version = version});
  EXPECT_THAT(polled(*source), ElementsAre(1U, 2U, 3U));
}

TEST(DirectoryMappingSource, FetchesVerifiedBlobs) {
  const TempDir dir;
  auto sink = open_sink(dir, 1);
  publish(*sink, {.version = 1, .snapshot = "the snapshot", .plan = "the plan"});
  auto source = open_source(dir);
  const auto manifests = source->poll(kAtOnce);
  ASSERT_EQ(manifests->size(), 1U);
  const mapping::Manifest& manifest = manifests->front();
  const auto snapshot = source->fetch(manifest, BlobKind::kSnapshot);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(as_text((*snapshot)->view()), "the snapshot");
  EXPECT_EQ(as_text((*source->fetch(manifest, BlobKind::kPlan))->view()), "the plan");
  EXPECT_EQ(source->fetch(manifest, BlobKind::kDelta).error().code, ErrorCode::kNotFound);

  write_file(file_of(dir, 1, "plan.remap"), "the Plan");
  EXPECT_EQ(source->fetch(manifest, BlobKind::kPlan).error().code, ErrorCode::kCorrupt);
  publish(*sink, {.version = 2});  // retention removes version 1
  EXPECT_EQ(source->fetch(manifest, BlobKind::kSnapshot).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(as_text((*snapshot)->view()), "the snapshot");
}

TEST(DirectoryMappingSource, SeesAVersionThatComesWhileItWaits) {
  const TempDir dir;
  auto sink = open_sink(dir);
  auto source = open_source(dir);
  std::thread publisher([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    publish(*sink, {.version = 1});
  });
  EXPECT_THAT(polled(*source, std::chrono::seconds(60)), ElementsAre(1U));
  publisher.join();
}

TEST(DirectoryMappingSource, StagedVersionsAreNotSeen) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 1});
  fs::copy(dir / "items/v000000000001", dir / "items/.staging-v000000000002-x");
  fs::copy(dir / "items/v000000000001", dir / "items/.trash-v000000000003-x");
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), ElementsAre(1U));
}

TEST(DirectoryMappingSource, VersionsWithoutAManifestAreNotOfferedAndTheOthersAre) {
  for (const std::string content : {"{}", ""}) {
    const TempDir dir;
    auto sink = open_sink(dir);
    auto source = open_source(dir);
    publish(*sink, {.version = 1});
    EXPECT_THAT(polled(*source), ElementsAre(1U));
    publish(*sink, delta_version(2));
    publish(*sink, {.version = 3, .snapshot = "", .delta = "delta 3", .plan = "p"});
    publish(*sink, delta_version(4));
    write_file(file_of(dir, 3, "manifest.json"), content);
    EXPECT_THAT(polled(*source), ElementsAre(2U, 4U));
    EXPECT_THAT(source->last_problem(), HasSubstr(file_of(dir, 3, "manifest.json").string()));
    EXPECT_THAT(polled(*source), IsEmpty());
  }
}

TEST(DirectoryMappingSource, OfADamagedVersionTheRestCanBeFetched) {
  const std::vector<std::pair<std::string, std::string>> damages = {
      {"delta.remap", "delta"}, {"delta.remap", ""}, {"delta.remap", "delta 3!"}};
  for (const auto& [name, content] : damages) {
    const TempDir dir;
    auto sink = open_sink(dir);
    auto source = open_source(dir);
    publish(*sink, {.version = 1});
    EXPECT_THAT(polled(*source), ElementsAre(1U));
    publish(*sink, {.version = 2, .snapshot = "", .delta = "delta 3", .plan = "p"});
    write_file(file_of(dir, 2, name), content);
    const auto manifests = source->poll(kAtOnce);
    ASSERT_TRUE(manifests);
    ASSERT_EQ(manifests->size(), 1U);
    const auto damaged = source->fetch(manifests->front(), BlobKind::kDelta);
    ASSERT_FALSE(damaged) << content;
    EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(damaged.error().message, HasSubstr(file_of(dir, 2, name).string()));
    const auto plan = source->fetch(manifests->front(), BlobKind::kPlan);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(as_text((*plan)->view()), "p");
  }
}

TEST(DirectoryMappingSource, MissingFilesAreDamageToo) {
  for (const char* name : {"manifest.json", "delta.remap"}) {
    const TempDir dir;
    auto sink = open_sink(dir);
    publish(*sink, {.version = 1});
    publish(*sink, delta_version(2));
    fs::remove(file_of(dir, 2, name));
    auto source = open_source(dir);
    EXPECT_THAT(polled(*source), ElementsAre(1U));
    EXPECT_THAT(source->last_problem(), HasSubstr(file_of(dir, 2, name).string()));
  }
}

TEST(DirectoryMappingSource, ADamagedNewestSnapshotMakesItBeginAtTheOneBefore) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 1});
  publish(*sink, delta_version(2));
  publish(*sink, {.version = 3});
  publish(*sink, delta_version(4));
  write_file(file_of(dir, 3, "mapping.remap"), "damaged!!!");
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), ElementsAre(1U, 2U, 4U));
  EXPECT_THAT(source->last_problem(), HasSubstr("v000000000003"));
}

TEST(DirectoryMappingSource, OffersNothingWithoutAGoodSnapshotUntilThereIsOne) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 1});
  publish(*sink, delta_version(2));
  write_file(file_of(dir, 1, "mapping.remap"), "damaged!!!");
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), IsEmpty());
  EXPECT_THAT(source->last_problem(), HasSubstr("v000000000001"));
  publish(*sink, {.version = 3});
  publish(*sink, delta_version(4));
  EXPECT_THAT(polled(*source), ElementsAre(3U, 4U));
}

TEST(DirectoryMappingSource, VersionsOfStaleEpochsAreLeftOut) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 1});
  const auto tenure = sink->take_over("items", "two");
  ASSERT_EQ(tenure->epoch, Epoch{2});
  publish(*sink, {.version = 2, .epoch = 2});
  // What a sink refuses to write, an operator's copy might bring in.
  const auto stale = publication_of({.version = 3, .epoch = 1});
  fs::create_directory(dir / "items/v000000000003");
  write_file(file_of(dir, 3, "manifest.json"), proto::to_json(stale.manifest));
  write_file(file_of(dir, 3, "mapping.remap"), as_text(stale.blobs[0]));
  auto late_follower = open_source(dir);
  EXPECT_THAT(polled(*late_follower), ElementsAre(2U));
  EXPECT_THAT(late_follower->last_problem(), HasSubstr("stale epoch 1"));

  fs::rename(dir / "items/v000000000003", dir / "v3");
  auto follower = open_source(dir);
  EXPECT_THAT(polled(*follower), ElementsAre(2U));
  fs::rename(dir / "v3", dir / "items/v000000000003");
  EXPECT_THAT(polled(*follower), IsEmpty());
  EXPECT_THAT(follower->last_problem(), HasSubstr("stale epoch 1"));
  publish(*sink, {.version = 4, .epoch = 2});
  EXPECT_THAT(polled(*follower), ElementsAre(4U));
  EXPECT_THAT(polled(*late_follower), ElementsAre(4U));
}

TEST(DirectoryMappingSource, NeverSeesHalfAVersionWhileOthersComeAndGo) {
  const TempDir dir;
  auto sink = open_sink(dir, 2);
  constexpr std::uint64_t kVersions = 150;
  std::thread publisher([&] {
    for (std::uint64_t version = 1; version <= kVersions; ++version) {
      publish(*sink, {.version = version, .snapshot = "snapshot " + std::to_string(version)});
    }
  });
  auto source = open_source(dir);
  std::uint64_t last = 0;
  while (last < kVersions) {
    const auto manifests = source->poll(kAtOnce);
    ASSERT_TRUE(manifests);
    for (const mapping::Manifest& manifest : *manifests) {
      EXPECT_GT(manifest.info.version.value, last);
      last = manifest.info.version.value;
      const auto blob = source->fetch(manifest, BlobKind::kSnapshot);
      if (blob) {
        EXPECT_EQ(as_text((*blob)->view()), "snapshot " + std::to_string(last));
      } else {
        EXPECT_EQ(blob.error().code, ErrorCode::kNotFound) << blob.error().message;
      }
    }
  }
  publisher.join();
  EXPECT_THAT(source->last_problem(), IsEmpty());
}

TEST(DirectoryMappingSource, SaysWhenTheDirectoryWasBegunAnew) {
  const TempDir dir;
  auto sink = open_sink(dir);
  publish(*sink, {.version = 5});
  auto source = open_source(dir);
  EXPECT_THAT(polled(*source), ElementsAre(5U));
  fs::remove_all(dir / "items");
  auto again = open_sink(dir);
  publish(*again, {.version = 1});
  EXPECT_THAT(polled(*source), IsEmpty());
  EXPECT_THAT(source->last_problem(), HasSubstr("the newest version there is 1, but 5"));
}

TEST(DirectoryMappingSource, RefusesNamesNoTableCanHave) {
  const TempDir dir;
  const auto refused = DirectoryMappingSource::create(dir.path(), "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace remapd::files
