#include "connectors/files/durable_file.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using test_support::FileSizeLimit;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

std::string text_of(const fs::path& path) {
  return test_support::read_file(path);
}

TEST(DurableFile, CreatesAFileFromPartsButNeverOverAnother) {
  const TempDir dir;
  const std::array<ByteView, 3> parts = {as_bytes("head"), as_bytes(""), as_bytes("-body")};
  ASSERT_TRUE(create_file(dir / "f", parts));
  EXPECT_EQ(text_of(dir / "f"), "head-body");
  const auto again = create_file(dir / "f", parts);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kIo);
  EXPECT_THAT(again.error().message, HasSubstr((dir / "f").string()));
  EXPECT_EQ(text_of(dir / "f"), "head-body");
}

TEST(DurableFile, ReplacesAFileAndALeftoverTemporary) {
  const TempDir dir;
  write_file(dir / "f", "a long old content");
  write_file(dir / "f.tmp", "left by a crash, longer than the new content");
  const std::array<ByteView, 1> parts = {as_bytes("new")};
  ASSERT_TRUE(replace_file(dir / "f", parts));
  EXPECT_EQ(text_of(dir / "f"), "new");
  EXPECT_FALSE(fs::exists(dir / "f.tmp"));
}

TEST(DurableFile, OutOfSpaceLeavesTheOldFileAndNothingElse) {
  const TempDir dir;
  write_file(dir / "old", "old");
  const std::string big(200000, 'x');
  const std::array<ByteView, 1> parts = {as_bytes(big)};
  std::optional<Result<void>> created;
  std::optional<Result<void>> replaced;
  {
    const FileSizeLimit limit(100000);
    created = create_file(dir / "new", parts);
    replaced = replace_file(dir / "old", parts);
  }
  for (const auto& result : {*created, *replaced}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kResource);
    EXPECT_TRUE(result.error().retryable);
    EXPECT_THAT(result.error().message, HasSubstr("free space"));
  }
  EXPECT_EQ(text_of(dir / "old"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()), 1);
}

TEST(DurableFile, ReadsUpToABound) {
  const TempDir dir;
  write_file(dir / "f", "12345");
  const auto whole = read_file(dir / "f", 5);
  ASSERT_TRUE(whole);
  EXPECT_EQ(as_text(*whole), "12345");
  const auto bounded = read_file(dir / "f", 4);
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().code, ErrorCode::kResource);
  EXPECT_EQ(read_file(dir / "missing", 4).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file(dir.path(), 1 << 20).error().code, ErrorCode::kIo);
}

TEST(DurableFile, MakesDirectoriesWithTheirParents) {
  const TempDir dir;
  ASSERT_TRUE(make_directories(dir / "a/b/c/"));
  EXPECT_TRUE(fs::is_directory(dir / "a/b/c"));
  EXPECT_TRUE(make_directories(dir / "a/b"));
  write_file(dir / "file", "");
  for (const char* name : {"file", "file/below"}) {
    const auto made = make_directories(dir / name);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kIo);
    EXPECT_THAT(made.error().message, HasSubstr("irectory"));
  }
}

TEST(DurableFile, KnowsWhetherADirectoryIsSynced) {
  const TempDir dir;
  EXPECT_TRUE(syncs_directories(dir.path()));
  EXPECT_TRUE(syncs_directories(dir / "missing"));
  EXPECT_FALSE(syncs_directories("/proc/self"));
}

TEST(DurableFile, RenamesOnlyToAFreeName) {
  const TempDir dir;
  write_file(dir / "a", "a");
  write_file(dir / "b", "b");
  const auto taken = rename_new(dir / "a", dir / "b");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  EXPECT_EQ(text_of(dir / "b"), "b");
  ASSERT_TRUE(rename_new(dir / "a", dir / "c"));
  EXPECT_EQ(text_of(dir / "c"), "a");
  EXPECT_EQ(rename_new(dir / "a", dir / "d").error().code, ErrorCode::kNotFound);
}

TEST(DurableFile, ProbesWhetherADirectoryCanBeWritten) {
  const TempDir dir;
  EXPECT_TRUE(check_writable(dir.path()));
  EXPECT_TRUE(fs::is_empty(dir.path()));
  EXPECT_FALSE(check_writable(dir / "missing"));
  if (::geteuid() != 0) {
    fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_FALSE(check_writable(dir.path()));
    fs::permissions(dir.path(), fs::perms::owner_all);
  }
}

TEST(FileLock, ExcludesOthersUntilItIsLetGo) {
  const TempDir dir;
  {
    const auto held = FileLock::acquire(dir / "lock", std::chrono::milliseconds(0));
    ASSERT_TRUE(held);
    const auto other = FileLock::acquire(dir / "lock", std::chrono::milliseconds(20));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(other.error().retryable);
  }
  EXPECT_TRUE(FileLock::acquire(dir / "lock", std::chrono::milliseconds(0)));
}

TEST(FileLock, IsWaitedFor) {
  const TempDir dir;
  std::optional<Result<FileLock>> held = FileLock::acquire(dir / "lock", {});
  ASSERT_TRUE(*held);
  std::thread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    held.reset();
  });
  EXPECT_TRUE(FileLock::acquire(dir / "lock", std::chrono::seconds(60)));
  holder.join();
}

TEST(SystemError, TellsFullDisksFromOtherFailures) {
  for (const int full : {ENOSPC, EDQUOT, EFBIG}) {
    EXPECT_EQ(system_error("/x", "write", full).code, ErrorCode::kResource);
    EXPECT_TRUE(system_error("/x", "write", full).retryable);
  }
  EXPECT_EQ(system_error("/x", "open", ENOENT).code, ErrorCode::kNotFound);
  EXPECT_EQ(system_error("/x", "open", EACCES).code, ErrorCode::kIo);
  EXPECT_FALSE(system_error("/x", "open", EACCES).retryable);
  EXPECT_EQ(system_error("/x", "open", EACCES).message, "/x: cannot open: Permission denied");
}

}  // namespace
}  // namespace remapd::files
