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
      {"labels[0]: a label is a number from 0 to 1 or a boolean, not 5",
       [](auto& m) { m.set_labels(0, 5); }},
      {"labels[1]: a label is", [](auto& m) { m.set_labels(1, -1); }},
      {"weights[1]: a weight is a finite number of 0 or more, not -3",
       [](auto& m) { m.set_weights(1, -3); }},
      {"weights[0]: a weight is",
       [](auto& m) { m.set_weights(0, std::numeric_limits<float>::infinity()); }},
      {"without a sample: 3 keys and no lengths",
       [](auto& m) { m.clear_lengths(), m.clear_values(); }},
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
  const auto no_message = decoder.decode(payload, batch, nullptr);
  ASSERT_FALSE(no_message);
  EXPECT_THAT(no_message.error().message,
              HasSubstr("1073741824 bytes that are neither an AccessBatch message nor JSON"));
  // A gigabyte of values is announced, and eight bytes come.
  const auto cut_off = decoder.decode(as_bytes(std::string("\x1a\x80\x80\x80\x80\x04"
                                                           "12345678",
                                                           14)),
                                      batch, nullptr);
  ASSERT_FALSE(cut_off);
  EXPECT_THAT(cut_off.error().message, HasSubstr("14 bytes that are neither"));
  EXPECT_LT(peak_kib() - before, 64 << 10);
  munmap(mapped, kSize);
  expect_empty(batch);
}

// What was handed to on_bad.
struct Refused {
  std::string record;
  std::uint64_t line;
  std::string reason;
};

OnBadRecord into_list(std::vector<Refused>& refused) {
  return [&refused](const BadRecord& bad) {
    refused.push_back({std::string(bad.record), bad.line, bad.reason});
  };
}

const OnBadRecord kNoneExpected = [](const BadRecord& bad) { ADD_FAILURE() << bad.reason; };

TEST(AccessBatchDecoder, TellsTheFormsApart) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  ASSERT_TRUE(decoder.decode(as_bytes("{\"f\":{\"user\":1}}"), batch, kNoneExpected));
  EXPECT_THAT(batch.values(kUser), ElementsAre(1U));
  ASSERT_TRUE(decoder.decode(as_bytes(good_message().SerializeAsString()), batch, kNoneExpected));
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U, 5U));
}

TEST(AccessBatchDecoder, ReadsJsonAsPeopleSendIt) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  for (const char* payload :
       {"{\n  \"f\": {\n    \"user\": [\n      7,\n      8\n    ]\n  }\n}\n",
        "\n{\"f\":{\"user\":[7,8]}}", "  \t{\"f\":{\"user\":[7,8]}}",
        "\xef\xbb\xbf{\"f\":{\"user\":[7,8]}}", "[{\"f\":{\"user\":7}},{\"f\":{\"user\":8}}]",
        "{\"f\":{\"user\":7}}\n{\"f\":{\"user\":8}}\n", "{\"f\":{\"user\":7}} {\"f\":{\"user\":8}}",
        "\"{\\\"f\\\":{\\\"user\\\":[7,8]}}\"", "{\"\\u0066\":{\"u\\u0073er\":[7,8]}}"}) {
    const auto read = decoder.decode(as_bytes(payload), batch, kNoneExpected);
    ASSERT_TRUE(read) << payload << ": " << read.error().message;
    EXPECT_THAT(batch.values(kUser), ElementsAre(7U, 8U)) << payload;
  }
}

TEST(AccessBatchDecoder, AnAccessBatchWhoseFirstKeyLooksLikeJsonIsRead) {
  const std::string key(123, 'k');  // "\n{": a key of 123 bytes
  const FeatureSchema schema({{key, TableIndex{0}}});
  v1::AccessBatch message;
  message.add_keys(key);
  message.add_lengths(1);
  message.add_values(7);
  const std::string bytes = message.SerializeAsString();
  ASSERT_TRUE(bytes.starts_with("\n{"));
  AccessBatchDecoder decoder(schema);
  EventBatch batch;
  ASSERT_TRUE(decoder.decode(as_bytes(bytes), batch, kNoneExpected));
  EXPECT_THAT(batch.values(kUser), ElementsAre(7U));
}

TEST(AccessBatchDecoder, ABadLineLosesItselfOnly) {
  std::string payload;
  for (int line = 1; line <= 1'000; ++line) {
    payload += line == 500 ? std::string("{\"f\":{\"user\":[null,{}]}}\n")
                           : fmt::format("{{\"f\":{{\"user\":[{}]}}}}\n", line);
  }
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  std::vector<Refused> refused;
  ASSERT_TRUE(decoder.decode(as_bytes(payload), batch, into_list(refused)));
  EXPECT_EQ(batch.samples(), 999U);
  EXPECT_EQ(batch.total_ids(), 999U);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].line, 500U);
  EXPECT_EQ(refused[0].record, "{\"f\":{\"user\":[null,{}]}}");
  EXPECT_THAT(refused[0].reason, HasSubstr("line 500: f.user: an id is"));
}

TEST(AccessBatchDecoder, EveryBadRecordOfSeveralIsTold) {
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  std::vector<Refused> refused;
  ASSERT_TRUE(decoder.decode(as_bytes("{\"f\":1}\n{\"f\":2}\n"), batch, into_list(refused)));
  expect_empty(batch);
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(refused[0].record, "{\"f\":1}");
  EXPECT_EQ(refused[1].line, 2U);

  refused.clear();
  ASSERT_TRUE(decoder.decode(as_bytes("[{\"f\":{\"user\":1}},2]"), batch, into_list(refused)));
  EXPECT_THAT(batch.values(kUser), ElementsAre(1U));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_THAT(refused[0].reason, HasSubstr("line 1, element 2: an event is a JSON object"));
}

TEST(AccessBatchDecoder, AMessageThatYieldsNothingIsAnErrorThatSaysWhy) {
  using namespace std::string_literals;
  const std::pair<std::string, const char*> payloads[] = {
      {"", "an empty message"},
      {" \n ", "neither an AccessBatch message nor JSON"},
      {"hello",
       "5 bytes that are neither an AccessBatch message nor JSON, beginning with \"hello\""},
      {"\x0a\x04u123\x48\x2a"s, "1 keys and no lengths, but a field 9, which it does not have"},
      {"\x48\x2a"s, "0 keys and no lengths, but a field 9"},
      {"\x0a\x04user"s, "an AccessBatch without a sample: 1 keys and no lengths"},
      {"\0\0\0\0\x2a\0"s + good_message().SerializeAsString(), "the number 42"},
      {"\0\0\0\0\x2a\x02\0"s + good_message().SerializeAsString(),
       "[source.decode] framing = \"confluent\""},
      {"\0\0\0\0\x2a{\"f\":{}}"s, "framing = \"confluent\""},
      {"[]", "an event is a JSON object, {\"f\":...}, not []"},
      {"\"text\"", "an event is a JSON object, {\"f\":...}, not \"text\""},
      {"{\"user\":1,\"item\":2,\"clicked\":1}",
       "f, the object of features, is missing: {\"f\":{\"user\":1,\"item\":2}} would be read"},
      {"{\n\"f\": {\"user\": [1\n", "it is no whole JSON object"},
  };
  AccessBatchDecoder decoder(user_and_item());
  EventBatch batch;
  for (const auto& [payload, why] : payloads) {
    const auto refused = decoder.decode(as_bytes(payload), batch, kNoneExpected);
    ASSERT_FALSE(refused) << payload;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr(why));
    expect_empty(batch);
  }
}

TEST(AccessBatchEncoders, WriteWhatTheDecoderReads) {
  constexpr std::uint64_t kSeed = 3;
  Random random(kSeed);
  const FeatureSchema schema({{"user", TableIndex{0}}, {"a \"b\"\\\n", TableIndex{1}}});
  AccessBatchDecoder decoder(schema);
  for (int round = 0; round < 50; ++round) {
    EventBatch batch;
    batch.reset(2);
    const std::size_t samples = 1 + random.below(20);
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
    batch.event_time_ms = 1'500'000'000'000 + static_cast<std::int64_t>(random.below(1ULL << 40));
    for (const std::string& payload :
         {encode_protobuf(batch, schema, "tester"), encode_ndjson(batch, schema)}) {
      EventBatch read;
      ASSERT_TRUE(decoder.decode(as_bytes(payload), read, kNoneExpected))
          << "round " << round << kSeed;
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
