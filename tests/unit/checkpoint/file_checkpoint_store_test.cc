#include "connectors/checkpoint/file_checkpoint_store.h"

#include <chrono>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace remapd::checkpoint {
namespace {

namespace fs = std::filesystem;
using test_support::FileSizeLimit;
using test_support::read_file;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<FileCheckpointStore> open_store(const fs::path& directory, std::uint32_t keep = 3) {
  auto store = FileCheckpointStore::create({.directory = directory, .keep = keep});
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

fs::path file_of(const TempDir& dir, std::uint64_t sequence) {
  return dir / fmt::format("checkpoint-{:020}.remapd", sequence);
}

std::set<std::string> names_in(const TempDir& dir) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::string loaded_text(FileCheckpointStore& store) {
  const auto loaded = store.load_latest();
  if (!loaded) return "error: " + loaded.error().message;
  return loaded->checkpoint ? std::string(as_text(*loaded->checkpoint)) : "none";
}

std::vector<ByteView> pieces_of(std::string_view text) {
  return {as_bytes(text)};
}

// A successor has everything the one before it saved, and from then on that one saves nothing.
TEST(FileCheckpointStore, WhoTakesOverIsTheOnlyOneThatSaves) {
  const TempDir dir;
  const auto first = open_store(dir.path());
  EXPECT_EQ(first->take_over("first"), true);
  ASSERT_TRUE(first->save(pieces_of("one")));
  const auto second = open_store(dir.path());
  EXPECT_EQ(loaded_text(*second), "one");
  ASSERT_TRUE(first->save(pieces_of("two")));  // while the second starts
  EXPECT_EQ(second->take_over("second"), false);
  EXPECT_EQ(loaded_text(*second), "two");
  const auto late = first->save(pieces_of("three"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_THAT(late.error().message, HasSubstr("instance second has taken this directory over"));
  ASSERT_TRUE(second->save(pieces_of("four")));
  EXPECT_EQ(loaded_text(*second), "four");
}

// Whose claim it was cannot be known then; the numbers still tell of another one's checkpoints.
TEST(FileCheckpointStore, ALostClaimLeavesTheNumbers) {
  const TempDir dir;
  const auto first = open_store(dir.path());
  ASSERT_TRUE(first->take_over("first"));
  fs::remove(dir / "epoch.json");
  ASSERT_TRUE(first->save(pieces_of("one")));
  const auto second = open_store(dir.path());
  ASSERT_EQ(second->take_over("second"), true);
  ASSERT_TRUE(second->save(pieces_of("two")));
  write_file(dir / "epoch.json", "damaged");
  EXPECT_EQ(first->save(pieces_of("three")).error().code, ErrorCode::kConflict);
}

TEST(FileCheckpointStore, PeeksAtTheNewest) {
  const TempDir dir;
  EXPECT_EQ(peek_newest_checkpoint(dir.path(), 3), Bytes{});
  const auto store = open_store(dir.path());
  ASSERT_TRUE(store->save(pieces_of("older")));
  ASSERT_TRUE(store->save(pieces_of("newest")));
  EXPECT_EQ(as_text(peek_newest_checkpoint(dir.path(), 3).value()), "new");
  EXPECT_EQ(as_text(peek_newest_checkpoint(dir.path(), 100).value()), "newest");
  write_file(file_of(dir, 2), "damaged");
  EXPECT_EQ(peek_newest_checkpoint(dir.path(), 3).error().code, ErrorCode::kCorrupt);
}

TEST(FileCheckpointStore, AnEmptyDirectoryHasNoCheckpoint) {
  const TempDir dir;
  auto store = open_store(dir / "made/as/needed");
  const auto loaded = store->load_latest();
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->checkpoint);
  EXPECT_THAT(loaded->skipped, IsEmpty());
  EXPECT_EQ(store->sequence(), 0U);
}

TEST(FileCheckpointStore, GivesBackTheNewestAndKeepsTheLastFew) {
  const TempDir dir;
  auto store = open_store(dir.path());
  for (const char* content : {"one", "two", "three", "four", "five"}) {
    ASSERT_TRUE(store->save({as_bytes(content)}));
    EXPECT_EQ(loaded_text(*store), content);
  }
  EXPECT_THAT(names_in(dir), ElementsAre("checkpoint-00000000000000000003.remapd",
                                         "checkpoint-00000000000000000004.remapd",
                                         "checkpoint-00000000000000000005.remapd"));
  auto reopened = open_store(dir.path(), 1);
  EXPECT_EQ(loaded_text(*reopened), "five");
  ASSERT_TRUE(reopened->save({as_bytes("")}));
  EXPECT_EQ(loaded_text(*reopened), "");
  EXPECT_THAT(names_in(dir), ElementsAre("checkpoint-00000000000000000006.remapd"));
}

TEST(FileCheckpointStore, PiecesComeBackAsOne) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("one, "), as_bytes(""), as_bytes("two, "), as_bytes("three")}));
  EXPECT_EQ(loaded_text(*store), "one, two, three");
}

TEST(FileCheckpointStore, EveryFlippedByteIsFoundOut) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("the older one")}));
  ASSERT_TRUE(store->save({as_bytes("the newer one")}));
  const std::string good = read_file(file_of(dir, 2));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    write_file(file_of(dir, 2), bad);
    const auto loaded = store->load_latest();
    ASSERT_TRUE(loaded) << i;
    EXPECT_EQ(as_text(*loaded->checkpoint), "the older one") << i;
    ASSERT_EQ(loaded->skipped.size(), 1U) << i;
    EXPECT_THAT(loaded->skipped[0], HasSubstr(file_of(dir, 2).string()));
  }
}

TEST(FileCheckpointStore, EveryCutAndEveryExtensionIsFoundOut) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("the older one")}));
  ASSERT_TRUE(store->save({as_bytes("the newer one")}));
  const std::string good = read_file(file_of(dir, 2));
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_file(file_of(dir, 2), good.substr(0, size));
    EXPECT_EQ(loaded_text(*store), "the older one") << size;
  }
  write_file(file_of(dir, 2), good + "x");
  EXPECT_EQ(loaded_text(*store), "the older one");
  write_file(file_of(dir, 2), good);
  EXPECT_EQ(loaded_text(*store), "the newer one");
}

TEST(FileCheckpointStore, AFileIsReadWhateverItsName) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("one")}));
  ASSERT_TRUE(store->save({as_bytes("two")}));
  fs::rename(file_of(dir, 2), dir / "kept");
  const auto file = read_checkpoint_file(dir / "kept");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->sequence, 2U);
  EXPECT_EQ(as_text(file->payload), "two");
  const auto missing = read_checkpoint_file(file_of(dir, 2));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST(FileCheckpointStore, AllDamagedIsAnErrorNotAFreshStart) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("one")}));
  ASSERT_TRUE(store->save({as_bytes("two")}));
  write_file(file_of(dir, 1), "nonsense");
  write_file(file_of(dir, 2), std::string(100, 'x'));
  const auto loaded = store->load_latest();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(loaded.error().message, HasSubstr("none of 2 checkpoints"));
  EXPECT_THAT(loaded.error().message, HasSubstr("move them away"));
}

TEST(FileCheckpointStore, GoesOnNumberingAfterADamagedNewest) {
  const TempDir dir;
  {
    auto store = open_store(dir.path());
    ASSERT_TRUE(store->save({as_bytes("one")}));
    ASSERT_TRUE(store->save({as_bytes("two")}));
  }
  write_file(file_of(dir, 2), "cut");
  auto store = open_store(dir.path());
  EXPECT_EQ(loaded_text(*store), "one");
  ASSERT_TRUE(store->save({as_bytes("three")}));
  EXPECT_EQ(store->sequence(), 3U);
  EXPECT_EQ(loaded_text(*store), "three");
}

TEST(FileCheckpointStore, SkipsAFileRenamedToAnotherNumberAndALaterFormat) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("one")}));
  fs::copy(file_of(dir, 1), file_of(dir, 9));
  auto other = open_store(dir.path());
  const auto loaded = other->load_latest();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(as_text(*loaded->checkpoint), "one");
  ASSERT_EQ(loaded->skipped.size(), 1U);
  EXPECT_THAT(loaded->skipped[0], HasSubstr("it holds checkpoint 1"));

  // A later format version under a header checksum that holds.
  std::string later = read_file(file_of(dir, 1));
  later[8] = 2;
  const std::uint64_t sum = checksum(as_bytes(std::string_view(later).substr(0, 56)));
  std::memcpy(later.data() + 56, &sum, sizeof(sum));
  write_file(file_of(dir, 9), later);
  const auto skipped = other->load_latest();
  ASSERT_TRUE(skipped);
  ASSERT_EQ(skipped->skipped.size(), 1U);
  EXPECT_THAT(skipped->skipped[0], HasSubstr("format version 2; this build reads version 1"));
}

TEST(FileCheckpointStore, LeftoversOfACutOffSaveAreNotSeenAndGoAway) {
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("one")}));
  const std::string leftover = ".checkpoint-00000000000000000002-1";
  write_file(dir / leftover, "half");
  auto reopened = open_store(dir.path());
  EXPECT_EQ(loaded_text(*reopened), "one");
  ASSERT_TRUE(reopened->save({as_bytes("two")}));
  EXPECT_FALSE(fs::exists(dir / leftover));
  EXPECT_EQ(loaded_text(*reopened), "two");
}

TEST(FileCheckpointStore, OtherFilesAreLeftAlone) {
  const TempDir dir;
  for (const char* name :
       {"notes.txt", "checkpoint-5.remapd", "checkpoint-0000000000000000000x.remapd",
        "checkpoint-99999999999999999999.remapd"}) {
    write_file(dir / name, "mine");
  }
  auto store = open_store(dir.path(), 1);
  EXPECT_EQ(loaded_text(*store), "none");
  ASSERT_TRUE(store->save({as_bytes("one")}));
  ASSERT_TRUE(store->save({as_bytes("two")}));
  EXPECT_EQ(names_in(dir).size(), 5U);
}

TEST(FileCheckpointStore, AnInstanceThatWasOvertakenRefusesToSave) {
  const TempDir dir;
  auto stalled = open_store(dir.path());
  ASSERT_TRUE(stalled->save({as_bytes("old 1")}));
  auto successor = open_store(dir.path());
  ASSERT_TRUE(successor->save({as_bytes("new 2")}));
  const auto refused = stalled->save({as_bytes("old 2")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_THAT(refused.error().message, HasSubstr("another instance"));
  EXPECT_EQ(loaded_text(*successor), "new 2");
  EXPECT_TRUE(successor->save({as_bytes("new 3")}));
}

TEST(FileCheckpointStore, OutOfSpaceKeepsThePreviousOnes) {
  const TempDir dir;
  auto store = open_store(dir.path(), 1);
  ASSERT_TRUE(store->save({as_bytes("one")}));
  const std::string big(300000, 'x');
  std::optional<Result<void>> saved;
  {
    const FileSizeLimit limit(100000);
    saved = store->save({as_bytes(big)});
  }
  ASSERT_FALSE(*saved);
  EXPECT_EQ(saved->error().code, ErrorCode::kResource);
  EXPECT_TRUE(saved->error().retryable);
  EXPECT_THAT(names_in(dir), ElementsAre("checkpoint-00000000000000000001.remapd"));
  EXPECT_EQ(loaded_text(*store), "one");
  ASSERT_TRUE(store->save({as_bytes(big)}));
  EXPECT_EQ(loaded_text(*store), big);
}

// A child saves as fast as it can and is killed at some moment; the newest checkpoint must be
// whole.
TEST(FileCheckpointStore, KilledAtAnyMomentItLeavesAGoodCheckpoint) {
  constexpr std::uint64_t kSeed = 23;
  Random random(kSeed);
  const TempDir dir;
  std::uint64_t newest = 0;
  for (int round = 0; round < 15; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = FileCheckpointStore::create({.directory = dir.path(), .keep = 2});
      if (!store) ::_exit(1);
      for (std::uint64_t n = (*store)->sequence() + 1;; ++n) {
        const std::vector<std::uint64_t> words(1 + 1'000 * (n % 20), n);
        if (!(*store)->save({std::as_bytes(std::span(words))})) ::_exit(2);
      }
    }
    // Let it begin, however slow this machine is, and stop it somewhere after that.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (open_store(dir.path())->sequence() == newest &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round << ", exit " << WEXITSTATUS(status);

    auto store = open_store(dir.path());
    EXPECT_GT(store->sequence(), newest);
    newest = store->sequence();
    const auto loaded = store->load_latest();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->skipped, IsEmpty()) << "round " << round;
    ASSERT_TRUE(loaded->checkpoint);
    ASSERT_EQ(loaded->checkpoint->size(), 8 * (1 + 1'000 * (newest % 20)));
    ByteReader words(*loaded->checkpoint);
    EXPECT_EQ(words.get<std::uint64_t>(), newest);
  }
}

TEST(FileCheckpointStore, RefusesADirectoryItCannotUse) {
  const TempDir dir;
  write_file(dir / "file", "");
  const auto below_a_file = FileCheckpointStore::create({.directory = dir / "file/checkpoints"});
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kIo);
  EXPECT_THAT(below_a_file.error().message, HasSubstr((dir / "file").string()));

  const auto none_kept = FileCheckpointStore::create({.directory = dir.path(), .keep = 0});
  ASSERT_FALSE(none_kept);
  EXPECT_EQ(none_kept.error().code, ErrorCode::kInvalidArgument);

  if (::geteuid() != 0) {
    fs::create_directory(dir / "locked");
    fs::permissions(dir / "locked", fs::perms::owner_read | fs::perms::owner_exec);
    const auto locked = FileCheckpointStore::create({.directory = dir / "locked"});
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code, ErrorCode::kIo);
    EXPECT_THAT(locked.error().message, HasSubstr("Permission denied"));
  }
}

TEST(FileCheckpointStore, ADirectoryThatVanishedIsAnErrorOfSave) {
  const TempDir dir;
  auto store = open_store(dir / "d");
  fs::remove_all(dir / "d");
  EXPECT_FALSE(store->save({as_bytes("one")}));
  EXPECT_FALSE(store->load_latest());
}

// The format, byte for byte: a build must go on reading what earlier ones wrote.
TEST(FileCheckpointStore, WritesAndReadsTheGoldenFile) {
  const fs::path golden = fs::path(REMAPD_SOURCE_DIR) / "tests/golden/checkpoint-v1.remapd";
  const TempDir dir;
  auto store = open_store(dir.path());
  ASSERT_TRUE(store->save({as_bytes("remapd checkpoint, version 1\n")}));
  EXPECT_EQ(read_file(file_of(dir, 1)), read_file(golden));

  const TempDir other;
  fs::copy(golden, file_of(other, 1));
  auto reader = open_store(other.path());
  EXPECT_EQ(loaded_text(*reader), "remapd checkpoint, version 1\n");
}

}  // namespace
}  // namespace remapd::checkpoint
