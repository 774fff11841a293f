#include "connectors/decode/protobuf_decoder.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/unit/decode/samples.h"

namespace remapd::decode {
namespace {

namespace pb = google::protobuf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kSource = R"(
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Kind { UNKNOWN = 0; CLICK = 1; BUY = 2; }
message User { uint64 id = 1; optional string name = 2; repeated sint32 groups = 3; }
message Event {
  google.protobuf.Timestamp at = 1;
  User user = 2;
  repeated Item items = 3;
  Kind kind = 4;
  map<string, User> friends = 5;
  map<int32, fixed32> scores = 6;
  oneof who { string cookie = 7; sfixed64 number = 8; }
  google.protobuf.Int64Value session_id = 9;
  double weight = 10;
  repeated fixed64 history = 11 [packed = false];
  bytes blob = 12;
  float ratio = 13;
  message Item { int64 id = 1; bool clicked = 2; }
})";

class Protobuf {
 public:
  Protobuf(const std::vector<std::string>& names, const RecordLayout& layout)
      : source_(*ProtobufSchema::from_source({"event.proto", kSource}, {})),
        type_(source_.message()->file()->FindMessageTypeByName("Event")),
        schema_(features(names)),
        builder_(*SampleBuilder::create(layout, schema_)),
        decoder_(make_protobuf_decoder(source_, *type_, builder_.tree())) {}

  // The bytes of a message that is given in JSON, by protobuf's own encoder.
  std::string encode(const std::string& json) {
    const std::unique_ptr<pb::Message> message(factory_.GetPrototype(type_)->New());
    const auto status = pb::util::JsonStringToMessage(json, message.get());
    EXPECT_TRUE(status.ok()) << status.ToString();
    return message->SerializeAsString();
  }
  std::string read(const std::string& record) {
    return samples_of(*decoder_, builder_, as_bytes(record), schema_);
  }
  std::string operator()(const std::string& json) { return read(encode(json)); }

 private:
  ProtobufSchema source_;
  const pb::Descriptor* type_;
  pb::DynamicMessageFactory factory_;
  pipeline::FeatureSchema schema_;
  SampleBuilder builder_;
  std::unique_ptr<RecordDecoder> decoder_;
};

std::string hash(const char* text) {
  return std::to_string(hash_text(text));
}

TEST(ProtobufDecoder, ReadsWhatPathsName) {
  Protobuf read(
      {"user", "item", "group", "history", "session"},
      {.features = {{"user.id"}, {"items[].id"}, {"user.groups[]"}, {"history"}, {"sessionId"}},
       .label = "kind",
       .label_true = {"BUY"},
       .time = "at",
       .weight = "weight"});
  EXPECT_EQ(
      read(R"({"at":"2023-07-22T04:26:40.500Z","user":{"id":"18446744073709551615","groups":[-3,4]},
                     "items":[{"id":1},{"id":-2}],"kind":"BUY","weight":2.5,"history":["9","8"],
                     "session_id":"44","blob":"AAEC","scores":{"1":2}})"),
      "user=18446744073709551615 item=1,18446744073709551614 group=18446744073709551613,4 "
      "history=9,8 session=44 label=1 weight=2.5 at 1690000000500");
}

TEST(ProtobufDecoder, WhatIsNotOnTheWire) {
  Protobuf read({"user", "name", "cookie", "item"},
                {.features = {{"user.id"}, {"user.name"}, {"cookie"}, {"items[].id"}},
                 .label = "kind",
                 .label_true = {"CLICK"}});
  // Without presence: the default. With it: missing.
  EXPECT_EQ(read("{}"), "user= name= cookie= item= label=0");
  EXPECT_EQ(read(R"({"user":{},"items":[{}]})"), "user=0 name= cookie= item=0 label=0");
}

TEST(ProtobufDecoder, MapsOneofsAndASamplePerElement) {
  Protobuf read(
      {"friend", "score", "who", "item"},
      {.features = {{"friends.anna.id"}, {"scores.7"}, {"cookie | number"}, {"items[].id"}},
       .label = "items[].clicked",
       .sample_per = "items[]"});
  EXPECT_EQ(read(R"({"friends":{"anna":{"id":"3"},"otto":{"id":"4"}},"scores":{"7":70,"8":80},
                     "number":"-5","items":[{"id":1,"clicked":true},{"id":2}]})"),
            "friend=3 score=70 who=18446744073709551611 item=1 label=1 | "
            "friend=3 score=70 who=18446744073709551611 item=2 label=0");
  EXPECT_EQ(read(R"({"cookie":"c","items":[{"id":1}]})"),
            "friend= score= who=" + hash("c") + " item=1 label=0");
}

TEST(ProtobufDecoder, OfASingleFieldTheLastCounts) {
  Protobuf read({"user"}, {.features = {{"user.id"}}});
  EXPECT_EQ(read.read(std::string("\x12\x04\x08\x05\x08\x06", 6)), "user=6");
}

TEST(ProtobufDecoder, WrongTypesNameTheField) {
  Protobuf user({"user"}, {});
  EXPECT_THAT(user(R"({"user":{"id":"1"}})"), HasSubstr("user: a message, where a value"));
  Protobuf items({"item"}, {.features = {{"items.id"}}});
  EXPECT_THAT(items(R"({"items":[{"id":"1"}]})"), HasSubstr("items[].NAME"));
  Protobuf kind({"kind"}, {.features = {{"kind.id"}}});
  EXPECT_THAT(kind(R"({"kind":"BUY"})"), HasSubstr("kind: a plain value"));
  Protobuf ratio({"ratio"}, {});
  EXPECT_THAT(ratio(R"({"ratio":0.5})"), AllOf(StartsWith("refused: ratio: "), HasSubstr("0.5")));
  Protobuf foreign({"user"}, {.features = {{"user.id"}}});
  EXPECT_THAT(foreign.read("\x10\x05"), HasSubstr("is the record a shop.Event?"));
}

TEST(ProtobufDecoder, EveryCutAndEveryFlippedByteHasADefinedAnswer) {
  Protobuf read({"user", "item"}, {.features = {{"user.id"}, {"items[].id"}}, .time = "at"});
  const std::string whole = read.encode(
      R"({"at":"2023-07-22T04:26:40Z","user":{"id":"5","name":"x"},"items":[{"id":1}],"number":"3"})");
  EXPECT_THAT(read.read(whole), StartsWith("user=5 item=1"));
  for (std::size_t size = 0; size < whole.size(); ++size) (void)read.read(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bits : {0x01, 0x80, 0xff}) {
      std::string other = whole;
      other[at] = static_cast<char>(other[at] ^ bits);
      (void)read.read(other);
    }
  }
  EXPECT_THAT(read.read(std::string(1'000'000, '\x0b')),
              HasSubstr("refused: "));  // groups in groups
}

TEST(ProtobufSchema, OfADescriptorSetNamesWhatThereIs) {
  const auto source = ProtobufSchema::from_source({"event.proto", kSource}, {});
  ASSERT_TRUE(source) << source.error().message;
  pb::FileDescriptorSet set;
  source->message()->file()->CopyTo(set.add_file());
  const std::string bytes = set.SerializeAsString();
  const auto event = ProtobufSchema::from_descriptor_set(as_bytes(bytes), "shop.Event");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->message()->full_name(), "shop.Event");
  EXPECT_THAT(ProtobufSchema::from_descriptor_set(as_bytes(bytes), "").error().message,
              HasSubstr("it has 3: shop.User, shop.Event, shop.Event.Item"));
  EXPECT_THAT(ProtobufSchema::from_descriptor_set(as_bytes(bytes), "Evnt").error().message,
              HasSubstr("no message \"Evnt\""));
  EXPECT_THAT(ProtobufSchema::from_descriptor_set(as_bytes("nonsense"), "").error().message,
              HasSubstr("no descriptor set"));
  EXPECT_EQ(source->message_at({1, 0})->full_name(), "shop.Event.Item");
  EXPECT_EQ(source->message_at({1, 1}), nullptr);
  EXPECT_EQ(source->message_at({5}), nullptr);
}

TEST(ProtobufSchema, SourcesMayImportOthersAndErrorsNameTheLine) {
  const auto with = ProtobufSchema::from_source(
      {"a.proto", "syntax=\"proto3\"; import \"b.proto\"; message A { B b = 1; }"},
      {{"b.proto", "syntax=\"proto3\"; message B { int32 id = 1; }"}});
  ASSERT_TRUE(with) << with.error().message;
  EXPECT_EQ(with->message()->full_name(), "A");
  EXPECT_THAT(
      ProtobufSchema::from_source({"a.proto", "message A {\n  nonsense\n}"}, {}).error().message,
      HasSubstr("line "));
  EXPECT_THAT(
      ProtobufSchema::from_source({"a.proto", "syntax=\"proto3\"; message A { B b = 1; }"}, {})
          .error()
          .message,
      HasSubstr("\"B\" is not defined"));
}

}  // namespace
}  // namespace remapd::decode
