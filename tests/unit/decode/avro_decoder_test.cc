#include "connectors/decode/avro_decoder.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/unit/decode/samples.h"

namespace remapd::decode {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Avro's binary encoding, as its specification has it.
class Bytes {
 public:
  Bytes& number(std::int64_t value) {
    std::uint64_t zigzag =
        (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    for (; zigzag > 0x7f; zigzag >>= 7) text_.push_back(static_cast<char>(zigzag | 0x80));
    text_.push_back(static_cast<char>(zigzag));
    return *this;
  }
  Bytes& text(std::string_view text) {
    number(static_cast<std::int64_t>(text.size()));
    text_ += text;
    return *this;
  }
  template <class T>
  Bytes& raw(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    text_ += bytes;
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

class Avro {
 public:
  Avro(std::string_view schema, const std::vector<std::string>& names, const RecordLayout& layout,
       const std::vector<std::string>& references = {})
      : schema_(features(names)), builder_(*SampleBuilder::create(layout, schema_)) {
    auto parsed = AvroSchema::parse(schema, references);
    EXPECT_TRUE(parsed) << parsed.error().message;
    if (parsed) decoder_ = make_avro_decoder(std::move(*parsed), builder_.tree());
  }

  std::string operator()(const std::string& record) {
    return samples_of(*decoder_, builder_, as_bytes(record), schema_);
  }

 private:
  pipeline::FeatureSchema schema_;
  SampleBuilder builder_;
  std::unique_ptr<RecordDecoder> decoder_;
};

constexpr std::string_view kImpression = R"({
  "type":"record","name":"Impression","namespace":"ads","fields":[
    {"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"extra","type":{"type":"map","values":{"type":"array","items":"bytes"}}},
    {"name":"user","type":["null",{"type":"record","name":"User","fields":[
        {"name":"id","type":"string"},{"name":"age","type":["null","int"]}]}]},
    {"name":"price","type":"double"},
    {"name":"ratio","type":"float"},
    {"name":"ads","type":{"type":"array","items":{"type":"record","name":"Ad","fields":[
        {"name":"id","type":"long"},
        {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["BANNER","VIDEO"]}},
        {"name":"clicked","type":"boolean"}]}}},
    {"name":"friend","type":["null","User"]},
    {"name":"hash","type":{"type":"fixed","name":"Hash","size":4}}]})";

std::string impression() {
  Bytes out;
  out.number(1690000000123);
  out.number(-1).number(6).text("k").number(1).text("v").number(0).number(
      0);  // a block with its size
  out.number(1).text("u1").number(1).number(33);
  out.raw(1.5).raw(0.5F);
  out.number(2).number(11).number(0).raw('\1').number(-12).number(1).raw('\0').number(0);
  out.number(1).text("u2").number(0);
  out.raw('a').raw('b').raw('c').raw('d');
  return out.str();
}

TEST(AvroDecoder, ReadsWhatPathsNameAndPassesOverTheRest) {
  Avro read(kImpression, {"user", "friend", "ad", "kind"},
            {.features = {{"user.id"}, {"friend.id"}, {"ads[].id"}, {"ads[].kind"}},
             .label = "ads[].clicked",
             .time = "ts",
             .weight = "ratio",
             .sample_per = "ads"});
  const auto hash = [](const char* text) { return std::to_string(hash_text(text)); };
  EXPECT_EQ(read(impression()),
            "user=" + hash("u1") + " friend=" + hash("u2") + " ad=11 kind=" + hash("BANNER") +
                " label=1 weight=0.5 | user=" + hash("u1") + " friend=" + hash("u2") +
                " ad=18446744073709551604 kind=" + hash("VIDEO") +
                " label=0 weight=0.5 at 1690000000123");
}

TEST(AvroDecoder, EveryCutAndEveryFlippedByteHasADefinedAnswer) {
  Avro read(kImpression, {"user", "ad"}, {.features = {{"user.id"}, {"ads[].id"}}});
  const std::string whole = impression();
  EXPECT_THAT(read(whole), StartsWith("user="));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(read(whole.substr(0, size)), StartsWith("refused: the record does not fit"));
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string other = whole;
    other[at] = static_cast<char>(other[at] ^ 0xff);
    (void)read(other);
  }
  EXPECT_THAT(read(whole + "x"), HasSubstr("1 bytes follow the record"));
}

TEST(AvroDecoder, MapsAreEnteredByTheirKeys) {
  Avro read(R"({"type":"record","name":"R","fields":[
                {"name":"attributes","type":{"type":"map","values":"string"}}]})",
            {"country"}, {.features = {{"attributes.country"}}});
  Bytes record;
  record.number(2).text("city").text("x").text("country").text("49").number(0);
  EXPECT_EQ(read(record.str()), "country=49");
}

TEST(AvroDecoder, FieldsThatAVersionLacksAreMissing) {
  const RecordLayout layout{.features = {{"user_id | uid"}, {"item"}}};
  Avro before(R"({"type":"record","name":"R","fields":[
                  {"name":"uid","type":"int"},{"name":"item","type":"int"}]})",
              {"user", "item"}, layout);
  Avro after(R"({"type":"record","name":"R","fields":[
                 {"name":"extra","type":"string"},{"name":"user_id","type":"long"}]})",
             {"user", "item"}, layout);
  EXPECT_EQ(before(Bytes().number(5).number(6).str()), "user=5 item=6");
  EXPECT_EQ(after(Bytes().text("x").number(5).str()), "user=5 item=");
}

TEST(AvroDecoder, WrongTypesNameTheField) {
  Avro read(kImpression, {"user", "ad", "price"}, {.features = {{"user"}, {"ads.id"}, {"price"}}});
  EXPECT_THAT(read(impression()), HasSubstr("user: a record, where a value is expected"));
  Avro lists(kImpression, {"ad"}, {.features = {{"ads.id"}}});
  EXPECT_THAT(lists(impression()), HasSubstr("ads: a list; a path to a field of its elements is "
                                             "ads[].NAME"));
  Avro price(kImpression, {"price"}, {});
  EXPECT_THAT(price(impression()), AllOf(HasSubstr("price: "), HasSubstr("1.5")));
}

TEST(AvroDecoder, ElementsWithoutBytesCostNothing) {
  Avro read(R"({"type":"record","name":"R","fields":[
                {"name":"nothing","type":{"type":"array","items":"null"}},
                {"name":"id","type":"int"}]})",
            {"id", "nothing"}, {});
  EXPECT_EQ(read(Bytes().number(std::int64_t{1} << 62).number(0).number(3).str()), "id=3 nothing=");
}

TEST(AvroDecoder, ARecordInItselfIsBounded) {
  Avro read(R"({"type":"record","name":"R","fields":[
                {"name":"id","type":"int"},{"name":"next","type":["null","R"]}]})",
            {"id"}, {});
  Bytes few;
  for (int i = 0; i < 20; ++i) few.number(i).number(1);
  few.number(20).number(0);
  EXPECT_EQ(read(few.str()), "id=0");
  Bytes many;
  for (int i = 0; i < 100'000; ++i) many.number(i).number(1);
  EXPECT_THAT(read(many.str()), HasSubstr("nests deeper than 100 levels"));
}

TEST(AvroDecoder, SchemasMayReferToOthers) {
  Avro read(
      R"({"type":"record","name":"R","namespace":"a","fields":[{"name":"user","type":"b.User"}]})",
      {"user"}, {.features = {{"user.id"}}},
      {R"({"type":"record","name":"User","namespace":"b","fields":[
                 {"name":"id","type":"long"}]})"});
  EXPECT_EQ(read(Bytes().number(77).str()), "user=77");
}

TEST(AvroDecoder, WhatIsNoSchemaIsToldSo) {
  for (const char* text : {"", "{", R"({"type":"record"})", R"("no.such.type")",
                           R"({"type":"record","name":"R","fields":[{"name":"a","type":"b"}]})"}) {
    const auto schema = AvroSchema::parse(text, {});
    ASSERT_FALSE(schema) << text;
    EXPECT_THAT(schema.error().message, HasSubstr("no Avro schema"));
  }
}

}  // namespace
}  // namespace remapd::decode
