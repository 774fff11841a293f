#include "connectors/kafka/blob_assembly.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/mapping_record.h"
#include "core/base/random.h"
#include "tests/support/publications.h"

namespace remapd::kafka {
namespace {

using mapping::BlobKind;
using test_support::publication_of;
using ::testing::HasSubstr;

class BlobAssemblyTest : public ::testing::Test {
 protected:
  static std::string content() {
    Random random(3);
    std::string text(100'001, '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    return text;
  }
  std::vector<v1::Chunk> chunks(std::uint64_t chunk_bytes = 8192) const {
    std::vector<v1::Chunk> all;
    for (Record& record : chunk_records(publication.manifest, BlobKind::kSnapshot,
                                        publication.blobs[0], chunk_bytes)) {
      all.push_back(record.value->chunk());
    }
    return all;
  }
  const mapping::BlobInfo& info() const { return *publication.manifest.blob(BlobKind::kSnapshot); }

  mapping::Publication publication = publication_of({.snapshot = content()});
  BlobAssembly assembly;
};

TEST_F(BlobAssemblyTest, TakesChunksInAnyOrderAndMoreThanOnce) {
  auto all = chunks();
  const auto twice = chunks();
  all.insert(all.end(), twice.begin(), twice.begin() + 5);
  Random random(4);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = all.size() - 1; i > 0; --i) std::swap(all[i], all[random.below(i + 1)]);
    for (const v1::Chunk& chunk : all) assembly.add(v1::Chunk(chunk));
    ASSERT_TRUE(assembly.complete());
    const auto blob = assembly.take(info());
    ASSERT_TRUE(blob) << blob.error().message;
    EXPECT_EQ(as_text(*blob), content());
    EXPECT_FALSE(assembly.complete()) << "it is empty afterwards";
  }
}

TEST_F(BlobAssemblyTest, AMissingChunkIsNamed) {
  for (v1::Chunk& chunk : chunks()) {
    if (chunk.index() != 4 && chunk.index() != 9) assembly.add(std::move(chunk));
  }
  EXPECT_FALSE(assembly.complete());
  const auto blob = assembly.take(info());
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(blob.error().message, HasSubstr("11 of 13 chunks"));
  EXPECT_THAT(blob.error().message, HasSubstr("missing one is 4"));
}

TEST_F(BlobAssemblyTest, NothingAtAllIsMissing) {
  EXPECT_EQ(assembly.take(info()).error().code, ErrorCode::kNotFound);
}

TEST_F(BlobAssemblyTest, AnotherBlobIsCorrupt) {
  for (v1::Chunk& chunk : chunks()) {
    if (chunk.index() == 2) (*chunk.mutable_data())[0] ^= 1;
    assembly.add(std::move(chunk));
  }
  const auto damaged = assembly.take(info());
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);

  for (v1::Chunk& chunk : chunks()) {
    if (chunk.index() == 12) chunk.mutable_data()->pop_back();
    assembly.add(std::move(chunk));
  }
  const auto shorter = assembly.take(info());
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code, ErrorCode::kCorrupt);
}

TEST_F(BlobAssemblyTest, AnAttemptCutAnotherWayBeginsAnew) {
  auto first = chunks(8192);
  for (std::size_t i = 0; i < 6; ++i) assembly.add(std::move(first[i]));
  for (v1::Chunk& chunk : chunks(50'000)) assembly.add(std::move(chunk));
  const auto blob = assembly.take(info());
  ASSERT_TRUE(blob) << blob.error().message;
  EXPECT_EQ(as_text(*blob), content());
}

}  // namespace
}  // namespace remapd::kafka
