#include "connectors/decode/json_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/unit/decode/samples.h"

namespace remapd::decode {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Json {
 public:
  Json(const std::vector<std::string>& names, RecordLayout layout)
      : schema_(features(names)),
        builder_(*SampleBuilder::create(layout, schema_)),
        decoder_(make_json_decoder(builder_.tree())) {}

  std::string operator()(std::string_view text) {
    return samples_of(*decoder_, builder_, as_bytes(text), schema_);
  }

 private:
  pipeline::FeatureSchema schema_;
  SampleBuilder builder_;
  std::unique_ptr<RecordDecoder> decoder_;
};

TEST(JsonDecoder, FlatObjectsByName) {
  Json read({"user", "item"}, {.label = "clicked", .time = "ts", .weight = "w"});
  EXPECT_EQ(read(R"({"user":1,"item":[2,"3"],"clicked":true,"ts":1690000000,"w":0.5})"),
            "user=1 item=2,3 label=1 weight=0.5 at 1690000000000");
  EXPECT_EQ(read(R"({"item":null,"more":{"user":9},"user":"-1"})"),
            "user=18446744073709551615 item= label=? weight=1");
  EXPECT_EQ(read(R"( { "user" : 7.0 , "item" : [ ] } )"), "user=7 item= label=? weight=1");
  EXPECT_EQ(read("{}"), "user= item= label=? weight=1");
}

TEST(JsonDecoder, NestedObjectsListsAndAlternatives) {
  Json read({"user", "item", "tag"},
            {.features = {{"context.user.id | uid"}, {"items[].id"}, {"tags[]"}},
             .label = "event",
             .label_true = {"click", "buy", std::int64_t{4}}});
  EXPECT_EQ(read(R"({"context":{"user":{"name":"x","id":5},"user2":1},"event":"buy",
                     "items":[{"id":1,"p":[[{}]]},{"id":[2,3]},{},null],"tags":["8","9"]})"),
            "user=5 item=1,2,3 tag=8,9 label=1");
  EXPECT_EQ(read(R"({"uid":6,"event":"view","tags":4})"),
            "refused: tags: 4, where a list is expected");
  EXPECT_EQ(read(R"({"uid":6,"event":"view"})"), "user=6 item= tag= label=0");
  EXPECT_EQ(read(R"({"uid":6,"context":{"user":{"id":5}},"event":4})"),
            "user=5 item= tag= label=1");
  EXPECT_THAT(read(R"({"items":{"id":1}})"), StartsWith("refused: items: an object"));
  EXPECT_THAT(read(R"({"context":[1]})"), HasSubstr("context[].NAME"));
  EXPECT_THAT(read(R"({"context":3})"), HasSubstr("context: 3, where an object is expected"));
}

TEST(JsonDecoder, ASamplePerElement) {
  Json read({"user", "item", "shown"}, {.features = {{"user"}, {"items[].id"}, {"items[].tags"}},
                                        .label = "items[].clicked",
                                        .sample_per = "items"});
  // What belongs to all samples may stand before or behind the list.
  EXPECT_EQ(read(R"({"items":[{"id":1,"clicked":1,"tags":[8,9]},{"id":2},{"clicked":0,"id":3}],
                     "user":[7,6]})"),
            "user=7,6 item=1 shown=8,9 label=1 | user=7,6 item=2 shown= label=? | "
            "user=7,6 item=3 shown= label=0");
  EXPECT_EQ(read(R"({"items":[],"user":7})"), "");
  EXPECT_EQ(read(R"({"user":7})"), "");
}

TEST(JsonDecoder, IgnoredValuesAreNoIds) {
  Json read({"item"}, {.features = {{"item", {std::int64_t{0}, std::int64_t{-1}, "", "none"}}}});
  EXPECT_EQ(read(R"({"item":[0,"0",5,-1,"","none","-1"]})"), "item=5");
}

TEST(JsonDecoder, TextIsHashedAndEscapesAreUndone) {
  Json read({"item", "größe"}, {});
  const std::string text = "item=" + std::to_string(hash_text("B\"0ä")) + " größe=3";
  EXPECT_EQ(read(R"({"item":"B\"0\u00e4","größe":3})"), text);
  EXPECT_EQ(read(R"({"item":"B\"0ä","gr\u00f6\u00dfe":3})"), text);
}

TEST(JsonDecoder, ValuesThatAreNoneAreToldWithTheirField) {
  Json read({"user"}, {.features = {{"u.id"}}, .label = "y", .time = "t", .weight = "w"});
  EXPECT_THAT(read(R"({"u":{"id":123.5}})"),
              AllOf(StartsWith("refused: u.id: "), HasSubstr("123.5")));
  EXPECT_THAT(read(R"({"u":{"id":true}})"),
              AllOf(StartsWith("refused: u.id: "), HasSubstr("true")));
  EXPECT_THAT(read(R"({"u":{"id":18446744073709551616}})"), HasSubstr("18446744073709551616"));
  EXPECT_THAT(read(R"({"u":{"id":[[1]]}})"), HasSubstr("u.id: a list in a list"));
  EXPECT_THAT(read(R"({"u":{"id":{}}})"), HasSubstr("u.id.NAME"));
  EXPECT_THAT(read(R"({"y":5})"), AllOf(StartsWith("refused: y: "), HasSubstr("5")));
  EXPECT_THAT(read(R"({"y":[0,1]})"), HasSubstr("several values for one sample"));
  EXPECT_THAT(read(R"({"w":-3})"), StartsWith("refused: w: "));
  EXPECT_THAT(read(R"({"t":"yesterday"})"),
              AllOf(StartsWith("refused: t: "), HasSubstr("yesterday")));
}

TEST(JsonDecoder, WhatIsNoJsonObjectIsToldSo) {
  Json read({"user"}, {});
  for (const char* text : {"", "{", R"({"user")", R"({"user":)", R"({"user":1)", R"({"user":1]})",
                           R"({"user":tru})", R"({"user":"x})", "7", "[1]", R"({"user":1}{})",
                           "{\"user\":\"\xff\"}", R"({"a":1 "user":2})", R"({"user":12x})"}) {
    EXPECT_THAT(read(text), StartsWith("refused: ")) << text;
  }
  EXPECT_EQ(read(R"({"user":1})"), "user=1");  // it is not confused by what was before
}

TEST(JsonDecoder, AMillionFieldsAndDeepNestingAreReadInBoundedMemory) {
  Json read({"user"}, {.features = {{"a.b"}}});
  std::string wide = "{";
  for (int i = 0; i < 1'000'000; ++i) wide += fmt::format("\"f{}\":{},", i, i);
  EXPECT_EQ(read(wide + R"("a":{"b":7}})"), "user=7");
  const std::size_t depth = 1'000'000;
  std::string deep = R"({"x":)" + std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(read(deep + R"(,"a":{"b":7}})"), "user=7");
  std::string long_list = R"({"a":{"b":[1)";
  for (std::size_t i = 0; i < kMaxIdsPerRecord; ++i) long_list += ",1";
  EXPECT_EQ(read(long_list + "]}}"), "refused: a.b: more than 4194304 ids in one record");
}

TEST(JsonDecoder, SamplesTimesSharedIdsAreBounded) {
  Json read({"user", "item"}, {.features = {{"user"}, {"items[].id"}}, .sample_per = "items"});
  std::string text = R"({"user":[1)";
  for (int i = 0; i < 10'000; ++i) text += ",1";
  text += R"(],"items":[{})";
  for (int i = 0; i < 10'000; ++i) text += ",{}";
  EXPECT_EQ(read(text + "]}"), "refused: its samples would have more than 4194304 ids");
}

TEST(SampleBuilder, RefusesPathsThatCannotBe) {
  const auto refused = [](const RecordLayout& layout) {
    const auto builder = SampleBuilder::create(layout, features({"user"}));
    return builder ? std::string() : builder.error().message;
  };
  EXPECT_THAT(refused({.features = {{"a..b"}}}), StartsWith("path of feature \"user\": "));
  EXPECT_THAT(refused({.label = "a["}), StartsWith("source.decode.label: "));
  EXPECT_THAT(refused({.sample_per = "a[].b"}), HasSubstr("must name one list"));
  EXPECT_THAT(refused({.sample_per = "a | b"}), HasSubstr("must name one list"));
}

}  // namespace
}  // namespace remapd::decode
