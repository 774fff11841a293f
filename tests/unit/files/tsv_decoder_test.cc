#include "connectors/files/tsv_decoder.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::files {
namespace {

using pipeline::EventBatch;
using pipeline::FeatureSchema;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

FeatureSchema schema_of(const std::vector<std::string>& names) {
  std::vector<pipeline::Feature> features;
  for (const std::string& name : names) features.push_back({name, TableIndex{0}});
  return FeatureSchema(std::move(features));
}

constexpr std::string_view kHeader = "timestamp\tlabel\tuser\titem\trating";

TsvDecoder decoder_of(std::string_view header, const std::vector<std::string>& features,
                      const TsvOptions& options = {}) {
  auto decoder = TsvDecoder::create(header, schema_of(features), options);
  EXPECT_TRUE(decoder) << decoder.error().message;
  return std::move(*decoder);
}

TEST(TsvDecoder, ReadsFeaturesByColumnNameInAnyOrder) {
  TsvDecoder decoder = decoder_of(kHeader, {"item", "user"});
  EXPECT_TRUE(decoder.labelled());
  EXPECT_EQ(decoder.ignored_columns(), 1U);
  EventBatch batch;
  decoder.begin(batch);
  ASSERT_TRUE(decoder.append("1690000000\t1\t7\tB00X\t5", batch)) << decoder.reason();
  ASSERT_TRUE(decoder.append("1680000000\t0\t8\t\t1", batch)) << decoder.reason();
  ASSERT_TRUE(decoder.append("\t0.25\t9\t3\t", batch)) << decoder.reason();
  batch.seal(3);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(hash_text("B00X"), 3U));
  EXPECT_THAT(batch.lengths(FeatureIndex{0}), ElementsAre(1U, 0U, 1U));
  EXPECT_THAT(batch.values(FeatureIndex{1}), ElementsAre(7U, 8U, 9U));
  EXPECT_THAT(batch.lengths(FeatureIndex{1}), ElementsAre(1U, 1U, 1U));
  EXPECT_THAT(batch.labels(), ElementsAre(1.0F, 0.0F, 0.25F));
  EXPECT_EQ(batch.event_time_ms, 1'690'000'000'000);
}

TEST(TsvDecoder, AnEmptyLabelIsNoLabel) {
  TsvDecoder decoder = decoder_of(kHeader, {"user"});
  EventBatch batch;
  decoder.begin(batch);
  ASSERT_TRUE(decoder.append("1\t\t7\t1\t5", batch));
  batch.seal(1);
  ASSERT_EQ(batch.labels().size(), 1U);
  EXPECT_TRUE(std::isnan(batch.labels()[0]));
}

TEST(TsvDecoder, FieldsFollowTheRules) {
  TsvDecoder decoder = decoder_of(kHeader, {"user", "item"});
  EventBatch batch;
  decoder.begin(batch);
  std::size_t rows = 0;
  for (const char* row :
       {"1234567890.0\ttrue\t-1\t123.0\t5", "2009-02-13T23:31:31Z\tFalse\t+5\t\"B00X\"\t",
        "\\N\tNULL\tNULL\t007\t", "1234567889\t 1 \t9007199254740993\t\\N\t"}) {
    ASSERT_TRUE(decoder.append(row, batch)) << decoder.reason();
    ++rows;
  }
  batch.seal(rows);
  EXPECT_EQ(batch.event_time_ms, 1'234'567'891'000);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(~0ULL, 5U, 9007199254740993U));
  EXPECT_THAT(batch.lengths(FeatureIndex{0}), ElementsAre(1U, 1U, 0U, 1U));
  EXPECT_THAT(batch.values(FeatureIndex{1}), ElementsAre(123U, hash_text("B00X"), 7U));
  EXPECT_THAT(batch.lengths(FeatureIndex{1}), ElementsAre(1U, 1U, 1U, 0U));
  ASSERT_EQ(batch.labels().size(), 4U);
  EXPECT_EQ(batch.labels()[0], 1.0F);
  EXPECT_EQ(batch.labels()[1], 0.0F);
  EXPECT_TRUE(std::isnan(batch.labels()[2]));
  EXPECT_EQ(batch.labels()[3], 1.0F);
}

TEST(TsvDecoder, SplitsFieldsOnlyWhenToldHow) {
  TsvDecoder whole = decoder_of("items", {"items"});
  EventBatch batch;
  whole.begin(batch);
  ASSERT_TRUE(whole.append("1,2", batch));
  batch.seal(1);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(hash_text("1,2")));

  TsvDecoder split = decoder_of("items", {"items"}, {.multi_value_separator = ','});
  split.begin(batch);
  for (const std::string_view row : {"1, 2", "x", "", ",", "[,3,,4,]"}) {
    ASSERT_TRUE(split.append(row, batch));
  }
  batch.seal(5);
  EXPECT_THAT(batch.lengths(FeatureIndex{0}), ElementsAre(2U, 1U, 0U, 0U, 2U));
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(1U, 2U, hash_text("x"), 3U, 4U));
}

TEST(TsvDecoder, LabelsCanBeIgnoredRenamedOrRequired) {
  EXPECT_FALSE(decoder_of(kHeader, {"user"}, {.labels = LabelUse::kIgnore}).labelled());
  EXPECT_FALSE(decoder_of("user\titem", {"user"}).labelled());

  TsvDecoder renamed = decoder_of("user\tclick", {"user"}, {.label_column = "click"});
  EventBatch batch;
  renamed.begin(batch);
  ASSERT_TRUE(renamed.append("3\t1", batch));
  batch.seal(1);
  EXPECT_THAT(batch.labels(), ElementsAre(1.0F));

  const auto required =
      TsvDecoder::create("user\titem", schema_of({"user"}), {.labels = LabelUse::kRequired});
  ASSERT_FALSE(required);
  EXPECT_EQ(required.error().code, ErrorCode::kConfig);
  EXPECT_THAT(required.error().message, HasSubstr("label"));
}

TEST(TsvDecoder, AMissingColumnIsNamedWithThoseTheLogHas) {
  const auto missing = TsvDecoder::create(kHeader, schema_of({"user", "article"}), {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kConfig);
  EXPECT_THAT(missing.error().message, HasSubstr("no column article"));
  EXPECT_THAT(missing.error().message, HasSubstr("timestamp, label, user, item, rating"));
  EXPECT_THAT(missing.error().message, testing::Not(HasSubstr("header line missing")));
}

TEST(TsvDecoder, SuspectsAMissingHeaderWhenTheFirstLineIsNumbers) {
  const auto missing = TsvDecoder::create("1690000000\t1\t42\t7", schema_of({"user"}), {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kConfig);
  EXPECT_THAT(missing.error().message, HasSubstr("is the header line missing?"));
}

TEST(TsvDecoder, RefusesHeadersItCannotUse) {
  const auto empty = TsvDecoder::create("", schema_of({"user"}), {});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kCorrupt);
  const auto twice = TsvDecoder::create("user\titem\tuser", schema_of({"user"}), {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(twice.error().message, HasSubstr("user twice"));
  EXPECT_TRUE(TsvDecoder::create("user\tx\tx", schema_of({"user"}), {}));
}

TEST(TsvDecoder, PassesOverAByteOrderMark) {
  EXPECT_TRUE(TsvDecoder::create("\xef\xbb\xbfuser\titem", schema_of({"user"}), {}));
}

TEST(TsvDecoder, ARefusedRowLeavesTheBatchAsItWas) {
  TsvDecoder decoder = decoder_of(kHeader, {"user", "item"});
  EventBatch batch;
  decoder.begin(batch);
  ASSERT_TRUE(decoder.append("5\t1\t7\t8\t5", batch));
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"5\t1\t7\t8", "4 fields, the header names 5"},
      {"5\t1\t7\t8\t9\t10", "6 fields, the header names 5"},
      {"5\tyes\t7\t8\t9", "column label: a label is a number from 0 to 1 or a boolean, not yes"},
      {"5\t1.5\t7\t8\t9", "not 1.5; label_true in [source.decode]"},
      {"5\t-1\t7\t8\t9", "not -1"},
      {"noon\t1\t7\t8\t9", "column timestamp: a time is"},
      {"99999999999999999999\t1\t7\t8\t9", "column timestamp"},
      {"5\t1\t7\t[8, 9]\t9", "column item: a list, [8, 9], where one id is expected"},
  };
  for (const auto& [row, reason] : bad) {
    EXPECT_FALSE(decoder.append(row, batch)) << row;
    EXPECT_THAT(decoder.reason(), HasSubstr(std::string(reason)));
  }
  batch.seal(1);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(7U));
  EXPECT_THAT(batch.values(FeatureIndex{1}), ElementsAre(8U));
  EXPECT_EQ(batch.event_time_ms, 5'000);
}

}  // namespace
}  // namespace remapd::files
