#include "connectors/proto/json_event_decoder.h"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::proto {
namespace {

using pipeline::EventBatch;
using pipeline::FeatureSchema;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kItem{1};

class JsonEventDecoderTest : public testing::Test {
 protected:
  JsonEventDecoderTest() { decoder_.begin(batch_); }

  void read(std::string_view object) {
    EXPECT_TRUE(decoder_.append(object, batch_)) << object << ": " << decoder_.reason();
  }
  void finish() { decoder_.finish(batch_); }

  JsonEventDecoder decoder_{FeatureSchema({{"user", TableIndex{0}}, {"item", TableIndex{1}}})};
  EventBatch batch_;
};

TEST_F(JsonEventDecoderTest, AnObjectIsASample) {
  read(R"({"t":1690000000123,"label":1,"f":{"user":[7],"item":["B00X",8],"site":3}})");
  read(R"({"t":1690000000,"w":2.5,"f":{"item":null,"user":18446744073709551615}})");
  read(R"({"t":"2023-07-22T04:26:40.5Z","label":0.5,"more":{"deep":[[1],{}]},"f":{}})");
  finish();
  EXPECT_EQ(decoder_.unknown_features(), 1U);
  EXPECT_EQ(batch_.samples(), 3U);
  EXPECT_THAT(batch_.values(kUser), ElementsAre(7U, 18446744073709551615U));
  EXPECT_THAT(batch_.lengths(kUser), ElementsAre(1U, 1U, 0U));
  EXPECT_THAT(batch_.values(kItem), ElementsAre(hash_text("B00X"), 8U));
  EXPECT_THAT(batch_.lengths(kItem), ElementsAre(2U, 0U, 0U));
  ASSERT_EQ(batch_.labels().size(), 3U);
  EXPECT_EQ(batch_.labels()[0], 1.0F);
  EXPECT_TRUE(std::isnan(batch_.labels()[1]));
  EXPECT_EQ(batch_.labels()[2], 0.5F);
  EXPECT_THAT(batch_.weights(), ElementsAre(1.0F, 2.5F, 1.0F));
  EXPECT_EQ(batch_.event_time_ms, 1'690'000'000'500);
}

TEST_F(JsonEventDecoderTest, WithoutLabelsAndWeightsThereAreNone) {
  read(R"({"f":{"user":1}})");
  finish();
  EXPECT_THAT(batch_.labels(), IsEmpty());
  EXPECT_THAT(batch_.weights(), IsEmpty());
  EXPECT_EQ(batch_.event_time_ms, 0);
}

TEST_F(JsonEventDecoderTest, IdsFollowTheRule) {
  read(R"({"f":{"user":-7286425919675154353}})");
  read(R"({"f":{"user":["9007199254740993","123.0",123.0," 007","",null,"caf\u00e9"]}})");
  read("{\"f\":{\"user\":[1e3 , -1\n]}}");
  finish();
  EXPECT_THAT(batch_.values(kUser), ElementsAre(11160318154034397263ULL, 9007199254740993ULL, 123U,
                                                123U, 7U, hash_text("caf\xc3\xa9"), 1000U, ~0ULL));
  EXPECT_THAT(batch_.lengths(kUser), ElementsAre(1U, 5U, 2U));
}

TEST_F(JsonEventDecoderTest, LabelsWeightsAndTimesFollowTheirRules) {
  read(R"({"label":true,"w":0,"t":null,"f":{}})");
  read(R"({"label":false,"w":null,"t":1234567890.0,"f":{}})");
  read(R"({"label":"1","w":"0.5","t":"1234567890","f":{}})");
  read(R"({"label":null,"f":{}})");
  finish();
  EXPECT_EQ(batch_.labels()[0], 1.0F);
  EXPECT_EQ(batch_.labels()[1], 0.0F);
  EXPECT_EQ(batch_.labels()[2], 1.0F);
  EXPECT_TRUE(std::isnan(batch_.labels()[3]));
  EXPECT_THAT(batch_.weights(), ElementsAre(0.0F, 1.0F, 0.5F, 1.0F));
  EXPECT_EQ(batch_.event_time_ms, 1'234'567'890'000);
}

TEST_F(JsonEventDecoderTest, NamesMayBeEscapedAndFeaturesInAnyOrder) {
  JsonEventDecoder decoder(
      FeatureSchema({{"caf\xc3\xa9", TableIndex{0}}, {"a \"b\"", TableIndex{1}}}));
  EventBatch batch;
  decoder.begin(batch);
  for (const char* object :
       {"{\"f\":{\"caf\xc3\xa9\":1,\"a \\\"b\\\"\":2}}", R"({"f":{"a \"b\"":2,"caf\u00e9":1}})"}) {
    ASSERT_TRUE(decoder.append(object, batch)) << decoder.reason();
  }
  decoder.finish(batch);
  EXPECT_THAT(batch.values(kUser), ElementsAre(1U, 1U));
  EXPECT_THAT(batch.values(kItem), ElementsAre(2U, 2U));
}

TEST_F(JsonEventDecoderTest, ReasonsNameTheFieldAndTheValueAsSent) {
  const std::pair<std::string, const char*> objects[] = {
      {"nonsense", "an event is a JSON object"},
      {"[1]", "not [1]"},
      {"5", "an event is a JSON object"},
      {"{\"f\":{}", "it is no whole JSON object"},
      {"{\"f\":{}}}", "something follows"},
      {"{\"f\":{}} {}", "something follows"},
      {"{\"f\":{\"user\":[1 2]}}", "it is no whole JSON object"},
      {"{\"t\":1}", "f, the object of features, is missing: {\"f\":{\"user\":[7]}} would be read"},
      {"{\"user\":[1],\"item\":\"x\"}", "{\"f\":{\"user\":[...],\"item\":\"x\"}} would be read"},
      {"{\"f\":[]}", "f is the object of features, such as {\"user\":[7]}, not ["},
      {"{\"f\":null}", "not null"},
      {"{\"t\":\"now\",\"f\":{}}", "t: a time is"},
      {"{\"t\":[1],\"f\":{}}", "t: a time is"},
      {"{\"label\":NaN,\"f\":{}}", "label: a label is a number from 0 to 1 or a boolean, not NaN"},
      {"{\"label\":\"NaN\",\"f\":{}}", "not \"NaN\""},
      {"{\"label\":5,\"f\":{}}", "not 5; label_true in [source.decode]"},
      {"{\"label\":-1,\"f\":{}}", "not -1"},
      {"{\"label\":{},\"f\":{}}", "label: a label is"},
      {"{\"w\":-3,\"f\":{}}", "w: a weight is a finite number of 0 or more, not -3"},
      {"{\"w\":1e400,\"f\":{}}", "not 1e400"},
      {"{\"f\":{\"user\":[1,2.5]}}", "f.user: an id is"},
      {"{\"f\":{\"user\":[1,2.5]}}", "not 2.5"},
      {"{\"f\":{\"user\":true}}", "not true"},
      {"{\"f\":{\"user\":NaN}}", "not NaN"},
      {"{\"f\":{\"user\":{\"id\":1}}}", "not an object"},
      {"{\"f\":{\"user\":[[1]]}}", "not a list in a list"},
      {"{\"f\":{\"user\":18446744073709551616}}", "not 18446744073709551616"},
      {"{\"f\":{\"user\":\"\xff\"}}", "UTF-8"},
      {"{\"label\":0,\"label\":1,\"f\":{}}", "member label comes twice"},
      {"{\"f\":{\"user\":1,\"user\":2}}", "member f.user comes twice"},
      {"{\"f\":{},\"f\":{}}", "member f comes twice"},
  };
  read(R"({"f":{"user":[1,2],"item":3}})");
  for (const auto& [object, why] : objects) {
    EXPECT_FALSE(decoder_.append(object, batch_)) << object;
    EXPECT_THAT(decoder_.reason(), HasSubstr(why)) << object;
  }
  read(R"({"f":{"user":4}})");
  finish();
  EXPECT_THAT(batch_.values(kUser), ElementsAre(1U, 2U, 4U)) << "refused objects leave nothing";
  EXPECT_THAT(batch_.lengths(kItem), ElementsAre(1U, 0U));
}

TEST_F(JsonEventDecoderTest, AMillionFeaturesAreCountedAndPassedOver) {
  constexpr std::uint32_t kFeatures = 1'000'000;
  std::string object = "{\"f\":{\"user\":7";
  for (std::uint32_t f = 1; f < kFeatures; ++f) object += fmt::format(",\"f{}\":1", f);
  read(object + "}}");
  finish();
  EXPECT_EQ(decoder_.unknown_features(), kFeatures - 1);
  EXPECT_THAT(batch_.values(kUser), ElementsAre(7U));
}

// As deep as a message of some hundred KB can be: nothing that reads or reports it may recurse.
TEST_F(JsonEventDecoderTest, RefusesWhatIsNestedWithoutEnd) {
  constexpr std::size_t kDepth = 200'000;
  const std::string open(kDepth, '[');
  const std::string close(kDepth, ']');
  for (const std::string& nested : {open + close, open + "1" + close}) {
    for (const std::string& object :
         {"{\"f\":{\"user\":" + nested + "}}", "{\"f\":{\"user\":[7," + nested + "]}}",
          "{\"t\":" + nested + ",\"f\":{}}", "{\"f\":" + nested + "}", nested}) {
      EXPECT_FALSE(decoder_.append(object, batch_));
      EXPECT_LT(decoder_.reason().size(), 300U);
    }
  }
}

}  // namespace
}  // namespace remapd::proto
