#include "connectors/files/mapping_directory.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/proto/manifest_codec.h"
#include "tests/support/publications.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using mapping::BlobKind;
using test_support::publication_of;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(MappingDirectory, TablesGetNamesThatAnyFileSystemTakes) {
  const std::pair<const char*, const char*> names[] = {{"items", "items"},
                                                       {"user_id.v2-x", "user_id.v2-x"},
                                                       {"a/b", "a%2Fb"},
                                                       {"..", "%2E."},
                                                       {".hidden", "%2Ehidden"},
                                                       {"100%", "100%25"},
                                                       {"caf\xc3\xa9", "caf%C3%A9"},
                                                       {"a b", "a%20b"}};
  std::set<fs::path> distinct;
  for (const auto& [table, name] : names) {
    const auto folder = table_directory("root", table);
    ASSERT_TRUE(folder) << table;
    EXPECT_EQ(*folder, fs::path("root") / name);
    EXPECT_EQ(parse_table_directory(name), table);
    distinct.insert(*folder);
  }
  EXPECT_EQ(distinct.size(), std::size(names));
  for (const std::string& bad : {std::string(), std::string(201, 'x'), std::string(70, '/')}) {
    const auto refused = table_directory("root", bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(MappingDirectory, OtherNamesAreOfNoTable) {
  for (const char* name : {"", ".hidden", "a%2fb", "%61", "a%2", "a%", "a%zz", "a b", "%2E%2E"}) {
    EXPECT_EQ(parse_table_directory(name), std::nullopt) << name;
  }
}

TEST(MappingDirectory, VersionNamesSortAndReadBack) {
  EXPECT_EQ(version_directory(Version{42}), "v000000000042");
  for (const std::uint64_t v : {1ULL, 42ULL, 999'999'999'999ULL, 1'000'000'000'000ULL, ~0ULL}) {
    EXPECT_EQ(parse_version_directory(version_directory(Version{v})), Version{v});
  }
  for (const char* name :
       {"", "v", "v42", "v000000000000", "v00000000004x", "x000000000042", "v0000000000042",
        ".staging-v000000000042", "v000000000042 ", "v99999999999999999999"}) {
    EXPECT_EQ(parse_version_directory(name), std::nullopt) << name;
  }
}

TEST(MappingDirectory, ListsVersionsAndNothingElse) {
  const TempDir dir;
  EXPECT_THAT(list_versions(dir / "missing").value(), IsEmpty());
  for (const char* name :
       {"v000000000010", "v000000000009", "v000000000001", ".staging-v000000000011", "notes"}) {
    fs::create_directory(dir / name);
  }
  EXPECT_THAT(list_versions(dir.path()).value(), ElementsAre(Version{1}, Version{9}, Version{10}));
  write_file(dir / "file", "");
  EXPECT_FALSE(list_versions(dir / "file"));
}

// A version of table "items" as a publisher would leave it.
void put_version(const TempDir& dir, const mapping::Publication& publication) {
  const fs::path folder = dir / version_directory(publication.manifest.info.version);
  fs::create_directory(folder);
  write_file(folder / kManifestFile, proto::to_json(publication.manifest));
  for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan}) {
    if (publication.manifest.blob(kind)) {
      write_file(folder / blob_file(kind),
                 as_text(publication.blobs[static_cast<std::size_t>(kind)]));
    }
  }
}

TEST(MappingDirectory, ReadsManifestsOfTheRightTableAndVersionOnly) {
  const TempDir dir;
  put_version(dir, publication_of({.version = 3}));
  const auto manifest = read_manifest(dir.path(), "items", Version{3});
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->info.version, Version{3});

  EXPECT_EQ(read_manifest(dir.path(), "items", Version{4}).error().code, ErrorCode::kNotFound);
  const auto other_table = read_manifest(dir.path(), "users", Version{3});
  ASSERT_FALSE(other_table);
  EXPECT_EQ(other_table.error().code, ErrorCode::kCorrupt);
  fs::rename(dir / "v000000000003", dir / "v000000000005");
  EXPECT_EQ(read_manifest(dir.path(), "items", Version{5}).error().code, ErrorCode::kCorrupt);

  const fs::path file = dir / "v000000000005/manifest.json";
  for (const std::string content : {"", "{", "[]", "nonsense"}) {
    write_file(file, content);
    const auto damaged = read_manifest(dir.path(), "items", Version{5});
    ASSERT_FALSE(damaged) << content;
    EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt) << content;
    EXPECT_THAT(damaged.error().message, HasSubstr(file.string()));
  }
  write_file(file, std::string(2'000'000, ' '));
  EXPECT_EQ(read_manifest(dir.path(), "items", Version{5}).error().code, ErrorCode::kCorrupt);
  fs::remove(file);
  EXPECT_EQ(read_manifest(dir.path(), "items", Version{5}).error().code, ErrorCode::kCorrupt);
}

TEST(MappingDirectory, OpensBlobsThatAreWhatTheManifestSays) {
  const TempDir dir;
  const auto publication = publication_of({.version = 3, .snapshot = "snap", .plan = "plan"});
  put_version(dir, publication);
  const mapping::Manifest& manifest = publication.manifest;
  EXPECT_EQ(as_text((*open_blob(dir.path(), manifest, BlobKind::kSnapshot))->view()), "snap");
  EXPECT_EQ(as_text((*open_blob(dir.path(), manifest, BlobKind::kPlan))->view()), "plan");
  EXPECT_EQ(open_blob(dir.path(), manifest, BlobKind::kDelta).error().code, ErrorCode::kNotFound);

  const fs::path file = dir / "v000000000003/mapping.remap";
  for (const char* content : {"", "sna", "snap!", "snaq"}) {
    write_file(file, content);
    const auto damaged = open_blob(dir.path(), manifest, BlobKind::kSnapshot);
    ASSERT_FALSE(damaged) << content;
    EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt) << content;
    EXPECT_THAT(damaged.error().message, HasSubstr(file.string()));
  }
  fs::remove(file);
  EXPECT_EQ(open_blob(dir.path(), manifest, BlobKind::kSnapshot).error().code, ErrorCode::kCorrupt);
  fs::remove_all(dir / "v000000000003");
  EXPECT_EQ(open_blob(dir.path(), manifest, BlobKind::kSnapshot).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace remapd::files
