#include "connectors/proto/access_batch_codec.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "connectors/proto/access.pb.h"
#include "core/base/hash.h"
#include "core/base/random.h"

namespace remapd::proto {
namespace {

using pipeline::EventBatch;
using pipeline::FeatureSchema;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kItem{1};

FeatureSchema user_and_item() {
  return FeatureSchema({{"user", TableIndex{0}}, {"item", TableIndex{1}}});
}

// Two samples: user 7 with items 8 and 9, user 5 with none; a feature the schema does not have.
v1::AccessBatch good_message() {
  v1::AccessBatch message;
  for (const char* key : {"item", "site", "user"}) message.add_keys(key);
  for (const std::uint32_t n : {2, 0, 1, 1, 1, 1}) message.add_lengths(n);
  for (const std::uint64_t id : {8, 9, 100, 101, 7, 5}) message.add_values(id);
  message.add_labels(1);
  message.add_labels(std::numeric_limits<float>::quiet_NaN());
  message.add_weights(0.5);
  message.add_weights(2);
  message.set_event_time_ms(1'690'000'000'123);
  message.set_schema_version(1);
  return message;
}

void expect_empty(const EventBatch& batch) {
  EXPECT_EQ(batch.samples(), 0U);
  EXPECT_EQ(batch.total_ids(), 0U);
  EXPECT_THAT(batch.labels(), IsEmpty());
  EXPECT_THAT(batch.weights(), IsEmpty());
}

TEST(AccessBatchProtobuf, FillsTheFeaturesOfTheSchema) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const auto notes = decoder.decode_protobuf(as_bytes(good_message().SerializeAsString()), batch);
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_EQ(notes->unknown_features, 1U);
  EXPECT_EQ(batch.samples(), 2U);
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U, 5U));
  EXPECT_THAT(batch.lengths(kUser), ElementsAre(1U, 1U));
  EXPECT_THAT(batch.values(kItem), ElementsAre(8U, 9U));
  EXPECT_THAT(batch.lengths(kItem), ElementsAre(2U, 0U));
  ASSERT_EQ(batch.labels().size(), 2U);
  EXPECT_EQ(batch.labels()[0], 1.0F);
  EXPECT_TRUE(std::isnan(batch.labels()[1]));
  EXPECT_THAT(batch.weights(), ElementsAre(0.5F, 2.0F));
  EXPECT_EQ(batch.event_time_ms, 1'690'000'000'123);
}

TEST(AccessBatchProtobuf, FeaturesThatAreMissingHaveNoIds) {
  v1::AccessBatch message;
  message.add_keys("user");
  message.add_lengths(1);
  message.add_values(7);
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  ASSERT_TRUE(decoder.decode_protobuf(as_bytes(message.SerializeAsString()), batch));
  EXPECT_THAT(batch.lengths(kItem), ElementsAre(0U));
  EXPECT_THAT(batch.labels(), IsEmpty());
  ASSERT_TRUE(decoder.decode_protobuf({}, batch)) << "an empty message has no samples";
  expect_empty(batch);
}

TEST(AccessBatchProtobuf, WhatContradictsItselfIsRefusedWithNumbers) {
  const std::pair<const char*, std::function<void(v1::AccessBatch&)>> damages[] = {
      {"7 lengths for 3 keys", [](auto& m) { m.add_lengths(0); }},
      {"6 lengths for 0 keys", [](auto& m) { m.clear_keys(); }},
      {"add up to 6 but there are 7 values", [](auto& m) { m.add_values(1); }},
      {"add up to 4294967300 but there are 6 values",
       [](auto& m) { m.set_lengths(0, 0xffffffffU), m.set_lengths(1, 1); }},
      {"3 labels for 2 samples", [](auto& m) { m.add_labels(1); }},
      {"1 weights for 2 samples", [](auto& m) { m.mutable_weights()->RemoveLast(); }},
      {"key \"user\" comes twice", [](auto& m) { m.set_keys(0, "user"); }},
  };
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  for (const auto& [what, damage] : damages) {
    v1::AccessBatch message = good_message();
    damage(message);
    const auto refused = decoder.decode_protobuf(as_bytes(message.SerializeAsString()), batch);
    ASSERT_FALSE(refused) << what;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr(what));
    expect_empty(batch);
  }
}

TEST(AccessBatchProtobuf, RefusesLaterSchemasAndOtherBytes) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  v1::AccessBatch later = good_message();
  later.set_schema_version(2);
  EXPECT_EQ(decoder.decode_protobuf(as_bytes(later.SerializeAsString()), batch).error().code,
            ErrorCode::kUnsupported);

  const std::string good = good_message().SerializeAsString();
  const std::string not_utf8("\x0a\x02\xff\xfe", 4);  // a key
  for (const std::string& bad : {std::string("nonsense"), good.substr(0, 9), not_utf8}) {
    const auto refused = decoder.decode_protobuf(as_bytes(bad), batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
    expect_empty(batch);
  }
}

TEST(AccessBatchProtobuf, FlippedBytesNeverBreakTheBatch) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const std::string good = good_message().SerializeAsString();
  constexpr std::uint64_t kSeed = 11;
  Random random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    }
    bad.resize(1 + random.below(bad.size()));
    if (decoder.decode_protobuf(as_bytes(bad), batch)) {
      ASSERT_LE(batch.total_ids(), bad.size()) << "round " << round << ", seed " << kSeed;
    } else {
      ASSERT_EQ(batch.total_ids(), 0U) << "round " << round << ", seed " << kSeed;
    }
  }
}

// A producer whose lengths are int32 writes -1 as ten bytes, read as 2^32 - 1.
TEST(AccessBatchProtobuf, NegativeLengthsAreRefused) {
  v1::AccessBatch message;
  message.add_keys("user");
  std::string bytes = message.SerializeAsString();
  bytes += std::string("\x12\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const auto refused = decoder.decode_protobuf(as_bytes(bytes), batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "lengths add up to 4294967295 but there are 0 values");
  expect_empty(batch);
}

TEST(AccessBatchProtobuf, AMillionFeaturesAreCountedAndPassedOver) {
  constexpr std::uint32_t kFeatures = 1'000'000;
  v1::AccessBatch message;
  for (std::uint32_t f = 0; f < kFeatures; ++f) {
    message.add_keys(fmt::format("f{}", f));
    message.add_lengths(1);
    message.add_values(f);
  }
  message.set_keys(kFeatures - 1, "user");
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const auto notes = decoder.decode_protobuf(as_bytes(message.SerializeAsString()), batch);
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_EQ(notes->unknown_features, kFeatures - 1);
  EXPECT_THAT(batch.values(kUser), ElementsAre(kFeatures - 1));
  EXPECT_EQ(batch.total_ids(), 1U);
}

TEST(AccessBatchDecoder, AGigabyteOfNonsenseIsRefusedWithoutMemoryOfItsSize) {
  constexpr std::size_t kSize = std::size_t{1} << 30;
  void* mapped = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const ByteView payload(static_cast<const std::byte*>(mapped), kSize);
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const long before = peak_kib();
  const auto no_message = decoder.decode(payload, batch);
  ASSERT_FALSE(no_message);
  EXPECT_EQ(no_message.error().message, "1073741824 bytes that are no AccessBatch message");
  // A gigabyte of values is announced, and eight bytes come.
  const auto cut_off = decoder.decode(as_bytes(std::string("\x1a\x80\x80\x80\x80\x04"
                                                           "12345678",
                                                           14)),
                                      batch);
  ASSERT_FALSE(cut_off);
  EXPECT_EQ(cut_off.error().message, "14 bytes that are no AccessBatch message");
  EXPECT_LT(peak_kib() - before, 64 << 10);
  munmap(mapped, kSize);
  expect_empty(batch);
}

TEST(AccessBatchNdjson, ReadsASampleALine) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const auto notes = decoder.decode_ndjson(
      as_bytes("{\"t\":10,\"label\":1,\"f\":{\"user\":[7],\"item\":[\"B00X\",8],\"site\":3}}\r\n"
               "\n"
               "{\"t\":30,\"w\":2.5,\"f\":{\"user\":18446744073709551615,\"item\":null}}\n"
               "{\"t\":20,\"label\":0.5,\"f\":{}}"),
      batch);
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_EQ(notes->unknown_features, 1U);
  EXPECT_EQ(batch.samples(), 3U);
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U, 18446744073709551615U));
  EXPECT_THAT(batch.lengths(kUser), ElementsAre(1U, 1U, 0U));
  EXPECT_THAT(batch.values(kItem), ElementsAre(hash_text("B00X"), 8U));
  EXPECT_THAT(batch.lengths(kItem), ElementsAre(2U, 0U, 0U));
  ASSERT_EQ(batch.labels().size(), 3U);
  EXPECT_EQ(batch.labels()[0], 1.0F);
  EXPECT_TRUE(std::isnan(batch.labels()[1]));
  EXPECT_EQ(batch.labels()[2], 0.5F);
  EXPECT_THAT(batch.weights(), ElementsAre(1.0F, 2.5F, 1.0F));
  EXPECT_EQ(batch.event_time_ms, 30);
}

TEST(AccessBatchNdjson, WithoutLabelsAndWeightsThereAreNone) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  ASSERT_TRUE(decoder.decode_ndjson(as_bytes("{\"f\":{\"user\":1}}"), batch));
  EXPECT_THAT(batch.labels(), IsEmpty());
  EXPECT_THAT(batch.weights(), IsEmpty());
  EXPECT_EQ(batch.event_time_ms, 0);
}

// As JSON has it, where protobuf refuses keys that come twice.
TEST(AccessBatchNdjson, OfMembersThatComeTwiceTheLastCounts) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  ASSERT_TRUE(decoder.decode_ndjson(
      as_bytes("{\"label\":0,\"label\":1,\"f\":{\"user\":[1,2],\"user\":[3]}}"), batch));
  EXPECT_THAT(batch.values(kUser), ElementsAre(3U));
  EXPECT_THAT(batch.lengths(kUser), ElementsAre(1U));
  EXPECT_THAT(batch.labels(), ElementsAre(1.0F));
}

TEST(AccessBatchNdjson, AMillionFeaturesAreCountedAndPassedOver) {
  constexpr std::uint32_t kFeatures = 1'000'000;
  std::string line = "{\"f\":{\"user\":7";
  for (std::uint32_t f = 1; f < kFeatures; ++f) line += fmt::format(",\"f{}\":1", f);
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  const auto notes = decoder.decode_ndjson(as_bytes(line + "}}"), batch);
  ASSERT_TRUE(notes) << notes.error().message;
  EXPECT_EQ(notes->unknown_features, kFeatures - 1);
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U));
}

TEST(AccessBatchNdjson, ErrorsNameTheLineAndTheMember) {
  const std::pair<const char*, const char*> bad_lines[] = {
      {"nonsense", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {"{\"f\":{}", "not a JSON object"},
      {"{\"t\":1}", "f, the object of features"},
      {"{\"f\":[]}", "f, the object of features"},
      {"{\"t\":\"now\",\"f\":{}}", "t is not an integer"},
      {"{\"t\":9223372036854775808,\"f\":{}}", "t is not an integer of 64 bits"},
      {"{\"label\":NaN,\"f\":{}}", "not a JSON object"},
      {"{\"label\":\"1\",\"f\":{}}", "label is not a number"},
      {"{\"w\":[],\"f\":{}}", "w is not a number"},
      {"{\"f\":{\"user\":-1}}", "f.user: an id is"},
      {"{\"f\":{\"user\":[1,2.5]}}", "f.user: an id is"},
      {"{\"f\":{\"user\":[[1]]}}", "f.user: an id is"},
      {"{\"f\":{\"user\":18446744073709551616}}", "f.user: an id is"},
      {"{\"f\":{\"user\":\"\xff\"}}", "not a JSON object"},
  };
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  for (const auto& [line, what] : bad_lines) {
    const auto refused = decoder.decode_ndjson(
        as_bytes(std::string("{\"f\":{\"user\":[1]}}\n") + line + "\n"), batch);
    ASSERT_FALSE(refused) << line;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr("line 2: "));
    EXPECT_THAT(refused.error().message, HasSubstr(what)) << line;
    expect_empty(batch);
  }
}

// As deep as a message of some hundred KB can be: nothing that reads or reports it may recurse.
TEST(AccessBatchNdjson, RefusesWhatIsNestedWithoutEnd) {
  constexpr std::size_t kDepth = 200'000;
  AccessBatchDecoder decoder(FeatureSchema({{"user", TableIndex{0}}}));
  EventBatch batch;
  const std::string open(kDepth, '[');
  const std::string close(kDepth, ']');
  for (const std::string& nested : {open + close, open + "1" + close}) {
    for (const std::string& line :
         {"{\"f\":{\"user\":" + nested + "}}", "{\"f\":{\"user\":[7," + nested + "]}}",
          "{\"t\":" + nested + ",\"f\":{}}", "{\"f\":" + nested + "}", nested}) {
      const auto decoded = decoder.decode_ndjson(as_bytes(line), batch);
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
      EXPECT_LT(decoded.error().message.size(), 300U);
    }
  }
}

TEST(AccessBatchDecoder, TellsTheFormsApart) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  ASSERT_TRUE(decoder.decode(as_bytes("{\"f\":{\"user\":1}}"), batch));
  EXPECT_THAT(batch.values(kUser), ElementsAre(1U));
  ASSERT_TRUE(decoder.decode(as_bytes(good_message().SerializeAsString()), batch));
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U, 5U));
}

TEST(AccessBatchEncoders, WriteWhatTheDecoderReads) {
  constexpr std::uint64_t kSeed = 3;
  Random random(kSeed);
  const FeatureSchema schema({{"user", TableIndex{0}}, {"a \"b\"\\\n", TableIndex{1}}});
  AccessBatchDecoder decoder(schema);
  for (int round = 0; round < 50; ++round) {
    EventBatch batch;
    batch.reset(2);
    const std::size_t samples = random.below(20);
    for (const FeatureIndex f : {kUser, kItem}) {
      for (std::size_t s = 0; s < samples; ++s) {
        const std::uint64_t ids = random.below(4);
        batch.mutable_lengths(f).push_back(static_cast<std::uint32_t>(ids));
        for (std::uint64_t i = 0; i < ids; ++i) batch.mutable_values(f).push_back(random.next());
      }
    }
    for (std::size_t s = 0; s < samples; ++s) {
      batch.mutable_labels().push_back(static_cast<float>(random.uniform()));
      batch.mutable_weights().push_back(static_cast<float>(random.uniform() + 0.1));
    }
    batch.seal(samples);
    batch.event_time_ms = samples > 0 ? static_cast<std::int64_t>(random.below(1ULL << 41)) : 0;
    for (const std::string& payload :
         {encode_protobuf(batch, schema, "tester"), encode_ndjson(batch, schema)}) {
      EventBatch read;
      ASSERT_TRUE(decoder.decode(as_bytes(payload), read)) << "round " << round << kSeed;
      EXPECT_EQ(read.samples(), samples);
      for (const FeatureIndex f : {kUser, kItem}) {
        EXPECT_TRUE(std::ranges::equal(read.values(f), batch.values(f)));
        EXPECT_TRUE(std::ranges::equal(read.lengths(f), batch.lengths(f)));
      }
      EXPECT_TRUE(std::ranges::equal(read.labels(), batch.labels()));
      EXPECT_TRUE(std::ranges::equal(read.weights(), batch.weights()));
      EXPECT_EQ(read.event_time_ms, batch.event_time_ms);
    }
  }
}

}  // namespace
}  // namespace remapd::proto
