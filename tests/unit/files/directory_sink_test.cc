#include "connectors/files/directory_sink.h"

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "connectors/files/durable_file.h"
#include "connectors/files/mapping_directory.h"
#include "core/base/random.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/publications.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using mapping::BlobKind;
using test_support::FileSizeLimit;
using test_support::publication_of;
using test_support::read_file;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<DirectoryMappingSink> open_sink(const TempDir& dir, std::uint32_t retain = 16) {
  auto sink = DirectoryMappingSink::create({.directory = dir.path(),
                                            .retain_versions = retain,
                                            .lock_patience = std::chrono::milliseconds(50)});
  EXPECT_TRUE(sink) << sink.error().message;
  return std::move(*sink);
}

std::set<std::string> names_in(const fs::path& path) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::vector<std::uint64_t> versions_in(const fs::path& table) {
  std::vector<std::uint64_t> numbers;
  const auto versions = list_versions(table);
  EXPECT_TRUE(versions);
  for (const Version version : *versions) numbers.push_back(version.value);
  return numbers;
}

TEST(DirectoryMappingSink, PublishesWholeVersions) {
  const TempDir dir;
  auto sink = open_sink(dir);
  const auto tenure = sink->take_over("items", "one");
  ASSERT_TRUE(tenure) << tenure.error().message;
  EXPECT_EQ(tenure->epoch, Epoch{1});
  EXPECT_FALSE(tenure->last);
  EXPECT_EQ(tenure->newest, kNoVersion);

  ASSERT_TRUE(sink->publish(publication_of({.version = 1, .snapshot = "snap 1"})));
  const auto second =
      sink->publish(publication_of({.version = 2, .snapshot = "", .delta = "d", .plan = "p"}));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(names_in(dir / "items"),
              ElementsAre("epoch.json", "lock", "v000000000001", "v000000000002"));
  EXPECT_THAT(names_in(dir / "items/v000000000001"), ElementsAre("manifest.json", "mapping.remap"));
  EXPECT_THAT(names_in(dir / "items/v000000000002"),
              ElementsAre("delta.remap", "manifest.json", "plan.remap"));
  EXPECT_EQ(read_file(dir / "items/v000000000001/mapping.remap"), "snap 1");

  EXPECT_EQ(as_text((*sink->snapshot("items", Version{1}))->view()), "snap 1");
  EXPECT_EQ(sink->snapshot("items", Version{2}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(as_text((*sink->delta("items", Version{2}))->view()), "d");
  EXPECT_EQ(sink->delta("items", Version{1}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sink->snapshot("items", Version{9}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sink->snapshot("others", Version{1}).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(sink->last_problem(), IsEmpty());
}

TEST(DirectoryMappingSink, GoesOnAfterTheLastVersionWithTheNextEpoch) {
  const TempDir dir;
  {
    auto sink = open_sink(dir);
    ASSERT_TRUE(sink->take_over("items", "one"));
    ASSERT_TRUE(sink->publish(publication_of({.version = 1})));
    ASSERT_TRUE(sink->publish(publication_of({.version = 7})));
  }
  auto sink = open_sink(dir);
  const auto tenure = sink->take_over("items", "one");
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->epoch, Epoch{2});
  ASSERT_TRUE(tenure->last);
  EXPECT_EQ(tenure->last->info.version, Version{7});
  EXPECT_EQ(tenure->newest, Version{7});
  EXPECT_TRUE(sink->publish(publication_of({.version = 8, .epoch = 2})));
}

TEST(DirectoryMappingSink, AnOvertakenInstanceCanPublishNoMore) {
  const TempDir dir;
  auto stalled = open_sink(dir);
  ASSERT_TRUE(stalled->take_over("items", "the old one"));
  ASSERT_TRUE(stalled->publish(publication_of({.version = 1})));
  auto successor = open_sink(dir);
  ASSERT_EQ(successor->take_over("items", "the new one")->epoch, Epoch{2});
  const auto refused = stalled->publish(publication_of({.version = 2}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_THAT(refused.error().message,
              HasSubstr("instance the new one has taken table items over"));
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(1U));
  ASSERT_TRUE(successor->publish(publication_of({.version = 2, .epoch = 2})));
  EXPECT_FALSE(stalled->publish(publication_of({.version = 3})));
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(1U, 2U));
  EXPECT_THAT(names_in(dir / "items"),
              ElementsAre("epoch.json", "lock", "v000000000001", "v000000000002"));
}

TEST(DirectoryMappingSink, TablesHaveTheirOwnEpochs) {
  const TempDir dir;
  auto one = open_sink(dir);
  auto two = open_sink(dir);
  ASSERT_TRUE(one->take_over("items", "one"));
  ASSERT_TRUE(two->take_over("users", "two"));
  EXPECT_TRUE(one->publish(publication_of({.table = "items"})));
  EXPECT_TRUE(two->publish(publication_of({.table = "users"})));
  const auto not_ours = one->publish(publication_of({.table = "users", .version = 2}));
  ASSERT_FALSE(not_ours);
  EXPECT_EQ(not_ours.error().code, ErrorCode::kInvalidArgument);
}

// The states a kill can leave behind, between any two steps of a publish.
TEST(DirectoryMappingSink, LeftoversOfAKilledPublisherAreNoVersionsAndGoAway) {
  const TempDir dir;
  {
    auto sink = open_sink(dir);
    ASSERT_TRUE(sink->take_over("items", "one"));
    ASSERT_TRUE(sink->publish(publication_of({.version = 1})));
  }
  fs::create_directory(dir / "items/.staging-v000000000002-empty");
  fs::create_directory(dir / "items/.staging-v000000000002-half");
  write_file(dir / "items/.staging-v000000000002-half/mapping.remap", "half a snap");
  fs::copy(dir / "items/v000000000001", dir / "items/.staging-v000000000002-whole");
  fs::copy(dir / "items/v000000000001", dir / "items/.trash-v000000000000-x");
  write_file(dir / "items/epoch.json.tmp", "{\"epo");
  auto sink = open_sink(dir);
  const auto tenure = sink->take_over("items", "two");
  ASSERT_TRUE(tenure) << tenure.error().message;
  EXPECT_EQ(tenure->newest, Version{1});
  EXPECT_THAT(names_in(dir / "items"), ElementsAre("epoch.json", "lock", "v000000000001"));
  EXPECT_TRUE(sink->publish(publication_of({.version = 2, .epoch = 2})));
}

TEST(DirectoryMappingSink, AVersionIsNeverReplaced) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  ASSERT_TRUE(sink->publish(publication_of({.version = 5, .snapshot = "five"})));
  for (const std::uint64_t version : {4, 5}) {
    const auto refused = sink->publish(publication_of({.version = version, .snapshot = "another"}));
    ASSERT_FALSE(refused) << version;
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  }
  EXPECT_TRUE(sink->publish(publication_of({.version = 5, .snapshot = "five"})))
      << "the very same again, as after an error behind the rename";
  EXPECT_EQ(read_file(dir / "items/v000000000005/mapping.remap"), "five");
  EXPECT_THAT(names_in(dir / "items"), ElementsAre("epoch.json", "lock", "v000000000005"));
}

TEST(DirectoryMappingSink, RefusesPublicationsThatReadersWouldRefuse) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  const auto expect_refused = [&](const mapping::Publication& bad, const char* why) {
    const auto refused = sink->publish(bad);
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << why;
  };
  auto other_bytes = publication_of({});
  other_bytes.blobs[0][0] ^= std::byte{1};
  expect_refused(other_bytes, "bytes that are not the manifest's");
  auto unnamed = publication_of({});
  unnamed.blobs[1] = unnamed.blobs[0];
  expect_refused(unnamed, "a delta that the manifest does not name");
  expect_refused(publication_of({.snapshot = "", .plan = "p"}), "neither snapshot nor delta");
  expect_refused(publication_of({.epoch = 2}), "another epoch");
  auto zero = publication_of({});
  zero.manifest.info.version = kNoVersion;
  expect_refused(zero, "version 0");
  EXPECT_THAT(versions_in(dir / "items"), IsEmpty());
}

TEST(DirectoryMappingSink, RetainsTheLastVersionsAndWhatTheNewestSnapshotNeeds) {
  const TempDir dir;
  auto sink = open_sink(dir, 3);
  ASSERT_TRUE(sink->take_over("items", "one"));
  for (std::uint64_t v = 1; v <= 5; ++v) {
    ASSERT_TRUE(sink->publish(publication_of({.version = v})));
  }
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(3U, 4U, 5U));
  for (std::uint64_t v = 6; v <= 10; ++v) {
    ASSERT_TRUE(sink->publish(publication_of({.version = v, .snapshot = "", .delta = "d"})));
  }
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(5U, 6U, 7U, 8U, 9U, 10U))
      << "5 has the newest snapshot";
  ASSERT_TRUE(sink->publish(publication_of({.version = 11})));
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(9U, 10U, 11U));
  EXPECT_EQ(names_in(dir / "items").size(), 5U) << "nothing in the trash";
  EXPECT_THAT(sink->last_problem(), IsEmpty());
}

TEST(DirectoryMappingSink, ASnapshotInUseSurvivesItsRemoval) {
  const TempDir dir;
  auto sink = open_sink(dir, 1);
  ASSERT_TRUE(sink->take_over("items", "one"));
  ASSERT_TRUE(sink->publish(publication_of({.version = 1, .snapshot = "first"})));
  const auto first = sink->snapshot("items", Version{1});
  ASSERT_TRUE(first);
  ASSERT_TRUE(sink->publish(publication_of({.version = 2})));
  EXPECT_THAT(versions_in(dir / "items"), ElementsAre(2U));
  EXPECT_EQ(as_text((*first)->view()), "first");
}

TEST(DirectoryMappingSink, ADamagedNewestVersionIsPassedOverButItsNumberIsNotUsedAgain) {
  const TempDir dir;
  {
    auto sink = open_sink(dir);
    ASSERT_TRUE(sink->take_over("items", "one"));
    for (std::uint64_t v = 1; v <= 3; ++v) {
      ASSERT_TRUE(sink->publish(publication_of({.version = v})));
    }
  }
  write_file(dir / "items/v000000000003/manifest.json", "{}");
  auto sink = open_sink(dir);
  const auto tenure = sink->take_over("items", "two");
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->last->info.version, Version{2});
  EXPECT_EQ(tenure->newest, Version{3});
  EXPECT_THAT(sink->last_problem(), HasSubstr("v000000000003"));
  EXPECT_EQ(sink->publish(publication_of({.version = 3, .epoch = 2})).error().code,
            ErrorCode::kConflict);
  EXPECT_TRUE(sink->publish(publication_of({.version = 4, .epoch = 2})));

  write_file(dir / "items/v000000000001/mapping.remap", "a snapshop");
  EXPECT_EQ(sink->snapshot("items", Version{1}).error().code, ErrorCode::kCorrupt);
}

// A claim with its every byte flipped, cut short, or gone says nothing about who may publish.
std::vector<std::optional<std::string>> damaged(const std::string& claim) {
  std::vector<std::optional<std::string>> out{std::nullopt, "", "{", "[1]",
                                              "{\"epoch\":-1,\"instance\":\"x\"}"};
  for (std::size_t at = 0; at < claim.size(); ++at) {
    out.emplace_back(claim)->at(at) ^= 1;
  }
  return out;
}

void put_claim(const fs::path& path, const std::optional<std::string>& content) {
  if (content) {
    write_file(path, *content);
  } else {
    fs::remove(path);
  }
}

TEST(DirectoryMappingSink, ADamagedClaimIsMendedByWhoPublishes) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  std::uint64_t version = 0;
  ASSERT_TRUE(sink->publish(publication_of({.version = ++version})));
  const fs::path path = dir / "items/epoch.json";
  const std::string claim = read_file(path);
  for (const auto& content : damaged(claim)) {
    put_claim(path, content);
    const auto published = sink->publish(publication_of({.version = ++version}));
    ASSERT_TRUE(published) << content.value_or("gone") << ": " << published.error().message;
    EXPECT_EQ(read_file(path), claim);
  }
  EXPECT_THAT(sink->last_problem(), HasSubstr("epoch.json"));
}

TEST(DirectoryMappingSink, ADamagedClaimIsReplacedByTakingOver) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  ASSERT_TRUE(sink->take_over("items", "one"));
  ASSERT_TRUE(sink->publish(publication_of({.version = 1, .epoch = 2})));
  write_file(dir / "items/epoch.json", "{");

  auto next = open_sink(dir);
  const auto tenure = next->take_over("items", "two");
  ASSERT_TRUE(tenure) << tenure.error().message;
  EXPECT_EQ(tenure->epoch, Epoch{3}) << "manifests tell the epoch too";
  EXPECT_THAT(next->last_problem(), HasSubstr("epoch.json"));
  EXPECT_TRUE(next->publish(publication_of({.version = 2, .epoch = 3})));
  EXPECT_EQ(sink->publish(publication_of({.version = 3, .epoch = 2})).error().code,
            ErrorCode::kConflict);

  // Who was overtaken does not mend a claim that may be its successor's.
  write_file(dir / "items/epoch.json", "{");
  EXPECT_EQ(sink->publish(publication_of({.version = 3, .epoch = 2})).error().code,
            ErrorCode::kConflict);
  EXPECT_TRUE(next->publish(publication_of({.version = 3, .epoch = 3})));
}

TEST(DirectoryMappingSink, AClaimWithoutAChecksumIsOfAnOlderRelease) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  write_file(dir / "items/epoch.json", "{\"epoch\":7,\"instance\":\"old\",\"claim\":\"abc\"}\n");
  EXPECT_EQ(sink->publish(publication_of({.version = 1})).error().code, ErrorCode::kConflict);
  const auto tenure = sink->take_over("items", "one");
  ASSERT_TRUE(tenure);
  EXPECT_EQ(tenure->epoch, Epoch{8});
}

TEST(DirectoryMappingSink, OutOfSpaceLeavesNoTraceAndCanBeTriedAgain) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  const auto big = publication_of({.version = 1, .snapshot = std::string(300'000, 'x')});
  std::optional<Result<void>> published;
  {
    const FileSizeLimit limit(100'000);
    published = sink->publish(big);
  }
  ASSERT_FALSE(*published);
  EXPECT_EQ(published->error().code, ErrorCode::kResource);
  EXPECT_TRUE(published->error().retryable);
  EXPECT_THAT(names_in(dir / "items"), ElementsAre("epoch.json", "lock"));
  EXPECT_TRUE(sink->publish(big));
}

TEST(DirectoryMappingSink, WaitsForTheLockOnlySoLong) {
  const TempDir dir;
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "one"));
  const auto publication = publication_of({});
  {
    const auto held = FileLock::acquire(dir / "items/lock", {});
    ASSERT_TRUE(held);
    const auto blocked = sink->publish(publication);
    ASSERT_FALSE(blocked);
    EXPECT_EQ(blocked.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(blocked.error().retryable);
    EXPECT_EQ(open_sink(dir)->take_over("items", "two").error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(names_in(dir / "items"), ElementsAre("epoch.json", "lock"));
  }
  EXPECT_TRUE(sink->publish(publication));
}

// A child publishes as fast as it can and is killed at some moment; what it leaves must be whole.
TEST(DirectoryMappingSink, KilledAtAnyMomentItLeavesOnlyWholeVersions) {
  constexpr std::uint64_t kSeed = 17;
  Random random(kSeed);
  const TempDir dir;
  Version newest = kNoVersion;
  for (int round = 0; round < 15; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto sink = DirectoryMappingSink::create({.directory = dir.path(), .retain_versions = 3});
      const auto tenure = sink ? (*sink)->take_over("items", "child") : fail(sink.error());
      if (!tenure) ::_exit(1);
      for (std::uint64_t version = tenure->newest.value + 1;; ++version) {
        const std::string content(1 + 997 * (version % 40), static_cast<char>('a' + version % 26));
        if (!(*sink)->publish(publication_of({.version = version,
                                              .epoch = tenure->epoch.value,
                                              .snapshot = content,
                                              .plan = "plan"}))) {
          ::_exit(2);
        }
      }
    }
    // Let it begin, however slow this machine is, and stop it somewhere after that.
    const auto begun = [&] {
      const auto there = list_versions(dir / "items");
      return there && !there->empty() && there->back() > newest;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!begun() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round << ", exit " << WEXITSTATUS(status);

    const auto versions = list_versions(dir / "items");
    ASSERT_TRUE(versions);
    for (const Version version : *versions) {
      const auto manifest = read_manifest(dir / "items", "items", version);
      ASSERT_TRUE(manifest) << manifest.error().message << " round " << round;
      for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kPlan}) {
        const auto blob = open_blob(dir / "items", *manifest, kind);
        ASSERT_TRUE(blob) << blob.error().message << " round " << round;
      }
    }
    ASSERT_FALSE(versions->empty());
    EXPECT_GT(versions->back(), newest);
    newest = versions->back();
  }
  auto sink = open_sink(dir);
  ASSERT_TRUE(sink->take_over("items", "survivor"));
  EXPECT_THAT(sink->last_problem(), IsEmpty());
  for (const std::string& name : names_in(dir / "items")) {
    EXPECT_TRUE(name == "lock" || name == "epoch.json" || parse_version_directory(name)) << name;
  }
}

TEST(DirectoryMappingSink, RefusesPlacesAndNamesItCannotUse) {
  const TempDir dir;
  write_file(dir / "file", "");
  const auto below_a_file = DirectoryMappingSink::create({.directory = dir / "file/maps"});
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kIo);
  EXPECT_EQ(
      DirectoryMappingSink::create({.directory = dir.path(), .retain_versions = 0}).error().code,
      ErrorCode::kInvalidArgument);
  if (::geteuid() != 0) {
    fs::create_directory(dir / "locked");
    fs::permissions(dir / "locked", fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_EQ(DirectoryMappingSink::create({.directory = dir / "locked"}).error().code,
              ErrorCode::kIo);
  }
  auto sink = open_sink(dir);
  EXPECT_EQ(sink->take_over("", "one").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(sink->take_over("file", "one").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace remapd::files
