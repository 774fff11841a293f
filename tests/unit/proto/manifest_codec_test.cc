#include "connectors/proto/manifest_codec.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/publications.h"

namespace remapd::proto {
namespace {

using mapping::BlobKind;
using mapping::Manifest;
using test_support::publication_of;
using testing::HasSubstr;

// No two numbers alike, so that a field taken for another shows.
Manifest full_manifest() {
  Manifest manifest =
      publication_of({.version = 12, .snapshot = "s", .delta = "dd", .plan = "ppp"}).manifest;
  manifest.info.table = "caf\xc3\xa9 \"items\"";
  manifest.info.parent = Version{11};
  manifest.info.epoch = Epoch{0xffffffffffffffffULL};
  manifest.info.strategy = mapping::Strategy::kDoubleHash;
  manifest.info.rows = 4'294'967'294U;
  manifest.info.dedicated_rows = 2'000'000'000U;
  manifest.info.fallback = {
      .first_row = 2'000'000'001U, .row_count = 77, .ways = 2, .seed = 0xfedcba9876543210ULL};
  manifest.info.built_ms = 1'700'000'000'123;
  manifest.stats = {.ids = 123'456'789'012ULL,
                    .ids_moved = 2,
                    .dedicated_rows = 3,
                    .shared_rows = 4,
                    .fallback_rows = 5,
                    .rows_used = 6,
                    .traffic_dedicated = 0.1,
                    .traffic_shared = 0.2,
                    .new_id_traffic = 0.3,
                    .traffic_moved = 0.4,
                    .distortion = 1.0 / 3};
  manifest.ids = 123'456'789'012ULL;
  manifest.content_hash = 0x8000000000000001ULL;
  manifest.built_samples = 9'876'543'210ULL;
  manifest.rollback_of = Version{9};
  return manifest;
}

void expect_equal(const Manifest& a, const Manifest& b) {
  EXPECT_EQ(a.info, b.info);
  EXPECT_EQ(a.stats.ids, b.stats.ids);
  EXPECT_EQ(a.stats.ids_moved, b.stats.ids_moved);
  EXPECT_EQ(a.stats.dedicated_rows, b.stats.dedicated_rows);
  EXPECT_EQ(a.stats.shared_rows, b.stats.shared_rows);
  EXPECT_EQ(a.stats.fallback_rows, b.stats.fallback_rows);
  EXPECT_EQ(a.stats.rows_used, b.stats.rows_used);
  EXPECT_EQ(a.stats.traffic_dedicated, b.stats.traffic_dedicated);
  EXPECT_EQ(a.stats.traffic_shared, b.stats.traffic_shared);
  EXPECT_EQ(a.stats.new_id_traffic, b.stats.new_id_traffic);
  EXPECT_EQ(a.stats.traffic_moved, b.stats.traffic_moved);
  EXPECT_EQ(a.stats.distortion, b.stats.distortion);
  EXPECT_EQ(a.instance, b.instance);
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.content_hash, b.content_hash);
  EXPECT_EQ(a.built_samples, b.built_samples);
  EXPECT_EQ(a.rollback_of, b.rollback_of);
  for (const BlobKind kind : {BlobKind::kSnapshot, BlobKind::kDelta, BlobKind::kPlan}) {
    ASSERT_EQ(a.blob(kind).has_value(), b.blob(kind).has_value());
    if (!a.blob(kind)) continue;
    EXPECT_EQ(a.blob(kind)->size, b.blob(kind)->size);
    EXPECT_EQ(a.blob(kind)->checksum, b.blob(kind)->checksum);
  }
}

TEST(ManifestCodec, EveryFieldComesBackFromProtobufAndJson) {
  for (const Manifest& manifest :
       {full_manifest(), publication_of({}).manifest,
        publication_of({.version = 2, .snapshot = "", .delta = "d"}).manifest}) {
    const auto from_message = from_proto(to_proto(manifest));
    ASSERT_TRUE(from_message) << from_message.error().message;
    expect_equal(*from_message, manifest);
    const auto from_json = manifest_from_json(to_json(manifest));
    ASSERT_TRUE(from_json) << from_json.error().message;
    expect_equal(*from_json, manifest);
  }
}

TEST(ManifestCodec, WritesAndReadsTheGoldenFiles) {
  const Manifest manifest = full_manifest();
  const std::string json = to_json(manifest);
  const Bytes golden_json = support::golden("manifest-v1.json", as_bytes(json));
  EXPECT_EQ(as_text(golden_json), json);
  const auto from_json = manifest_from_json(as_text(golden_json));
  ASSERT_TRUE(from_json) << from_json.error().message;
  expect_equal(*from_json, manifest);

  const std::string binary = to_proto(manifest).SerializeAsString();
  const Bytes golden = support::golden("manifest-v1.binpb", as_bytes(binary));
  EXPECT_EQ(as_text(golden), binary);
  v1::Manifest message;
  ASSERT_TRUE(message.ParseFromArray(golden.data(), static_cast<int>(golden.size())));
  const auto from_binary = from_proto(message);
  ASSERT_TRUE(from_binary) << from_binary.error().message;
  expect_equal(*from_binary, manifest);
}

// What is still read says the same as before: white space may change, and the name of the checksum.
TEST(ManifestCodec, NoFlippedBitOfTheJsonChangesWhatItSays) {
  const Manifest manifest = full_manifest();
  const std::string json = to_json(manifest);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * json.size(); ++bit) {
    std::string damaged = json;
    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    const auto read = manifest_from_json(damaged);
    if (read) {
      expect_equal(*read, manifest);
    } else {
      ++refused;
    }
    if (HasFailure()) FAIL() << "bit " << bit << ": " << damaged;
  }
  EXPECT_GT(refused, 6 * json.size());
}

TEST(ManifestCodec, JsonMayHaveMembersOfLaterBuilds) {
  std::string json = to_json(publication_of({}).manifest);
  json.insert(json.find('{') + 1, "\"ofALaterBuild\":[1,{}],");
  EXPECT_TRUE(manifest_from_json(json));
}

TEST(ManifestCodec, WhatContradictsItselfIsNoManifest) {
  const std::pair<const char*, std::function<void(v1::Manifest&)>> damages[] = {
      {"no format version", [](auto& m) { m.clear_format_version(); }},
      {"no table", [](auto& m) { m.clear_table(); }},
      {"no version", [](auto& m) { m.clear_version(); }},
      {"its parent 12 is not before", [](auto& m) { m.set_parent(12); }},
      {"back to version 12", [](auto& m) { m.set_rollback_of(12); }},
      {"0 rows", [](auto& m) { m.set_rows(0); }},
      {"4294967295 rows", [](auto& m) { m.set_rows(0xffffffffU); }},
      {"dedicated rows", [](auto& m) { m.set_dedicated_rows(m.rows() + 1); }},
      {"a fallback of 0 rows", [](auto& m) { m.mutable_fallback()->set_row_count(0); }},
      {"a fallback of", [](auto& m) { m.mutable_fallback()->set_row_count(m.rows()); }},
      {"a fallback of", [](auto& m) { m.mutable_fallback()->set_first_row(m.rows()); }},
      {"a fallback of", [](auto& m) { m.clear_fallback(); }},
      {"3 ways", [](auto& m) { m.mutable_fallback()->set_ways(3); }},
      {"neither snapshot nor delta",
       [](auto& m) {
         m.clear_snapshot();
         m.clear_delta();
       }},
      {"a delta but no parent", [](auto& m) { m.set_parent(0); }},
  };
  for (const auto& [what, damage] : damages) {
    v1::Manifest message = to_proto(full_manifest());
    damage(message);
    const auto refused = from_proto(message);
    ASSERT_FALSE(refused) << what;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt) << what;
    EXPECT_THAT(refused.error().message, HasSubstr(what));
  }
}

TEST(ManifestCodec, LaterFormatsAndUnknownStrategiesAreUnsupported) {
  v1::Manifest later = to_proto(full_manifest());
  later.set_format_version(2);
  EXPECT_EQ(from_proto(later).error().code, ErrorCode::kUnsupported);
  v1::Manifest strange = to_proto(full_manifest());
  strange.set_strategy("magic");
  EXPECT_EQ(from_proto(strange).error().code, ErrorCode::kUnsupported);
}

TEST(ManifestCodec, JsonNestedWithoutEndIsNoManifest) {
  constexpr std::size_t kDepth = 200'000;
  std::string objects;
  for (std::size_t i = 0; i < kDepth; ++i) objects += "{\"a\":";
  for (const std::string& json : {std::string(kDepth, '['), objects, "{\"a\":" + objects,
                                  "{\"table\":" + std::string(kDepth, '[')}) {
    const auto manifest = manifest_from_json(json);
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().code, ErrorCode::kCorrupt);
  }
}

TEST(ManifestCodec, WhatIsNoJsonIsNoManifest) {
  for (const char* text :
       {"", "{", "[]", "1", "nonsense", "{\"version\":\"x\"}", "{\"rows\":-1}"}) {
    const auto refused = manifest_from_json(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace remapd::proto
