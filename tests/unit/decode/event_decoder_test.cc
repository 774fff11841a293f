#include "connectors/decode/event_decoder.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "tests/unit/decode/samples.h"
#include "tests/unit/http/scripted_server.h"

namespace remapd::decode {
namespace {

using http::ScriptedServer;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

// A schema registry after Confluent's REST specification, as far as a reader needs it.
class FakeRegistry {
 public:
  FakeRegistry()
      : server_([this](const std::string& request) {
          const std::string path = request.substr(4, request.find(' ', 4) - 4);
          if (status != 200) return ScriptedServer::response(status, "{}");
          const auto answer = answers.find(path);
          if (answer != answers.end()) return ScriptedServer::response(200, answer->second);
          return ScriptedServer::response(404,
                                          R"({"error_code":40403,"message":"Schema not found"})");
        }) {}

  std::string url() const { return server_.url(); }
  std::vector<std::string> requests() { return server_.requests(); }

  std::map<std::string, std::string> answers;
  int status = 200;

 private:
  ScriptedServer server_;
};

std::string schema_json(const std::string& text, const std::string& type = "") {
  nlohmann::json json{{"schema", text}};
  if (!type.empty()) json["schemaType"] = type;
  return json.dump();
}

constexpr const char* kAvro =
    R"({"type":"record","name":"R","fields":[{"name":"user","type":"int"}]})";

struct Outcome {
  std::string samples;
  Error error;
  std::vector<std::string> bad;
};

Outcome decode_with(EventDecoder& decoder, std::string_view message,
                    const pipeline::FeatureSchema& schema) {
  Outcome outcome;
  pipeline::EventBatch batch;
  const auto notes = decoder.decode(as_bytes(message), batch, [&](const proto::BadRecord& bad) {
    outcome.bad.push_back(bad.reason);
  });
  if (notes) {
    outcome.samples = in_words(batch, schema);
  } else {
    outcome.error = notes.error();
    EXPECT_EQ(batch.samples(), 0U);
  }
  return outcome;
}

std::unique_ptr<EventDecoder> make(const DecodeOptions& options,
                                   const pipeline::FeatureSchema& schema) {
  auto decoder = EventDecoder::create(options, schema);
  EXPECT_TRUE(decoder) << decoder.error().message;
  return decoder ? std::move(*decoder) : nullptr;
}

std::string framed(int id, std::string_view body) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(id) + std::string(body);
}

TEST(EventDecoder, OneBadRecordOfAMessageLosesItselfOnly) {
  const auto schema = features({"user"});
  const auto decoder = make({.format = RecordFormat::kJson}, schema);
  const auto lines = decode_with(*decoder, "{\"user\":1}\n{\"user\":1.5}\n{\"user\":3}\n", schema);
  EXPECT_EQ(lines.samples, "user=1 | user=3");
  EXPECT_THAT(lines.bad, ElementsAre(HasSubstr("line 2: user: ")));
  EXPECT_EQ(decode_with(*decoder, R"([{"user":1},{"user":2}])", schema).samples, "user=1 | user=2");
  EXPECT_EQ(decode_with(*decoder, "{\n  \"user\": 4\n}\n", schema).samples, "user=4");
  const auto first = decode_with(*decoder, "{\"user\":true}\n{\"user\":3}", schema);
  EXPECT_EQ(first.samples, "user=3");
  EXPECT_THAT(first.bad, ElementsAre(HasSubstr("line 1: user: ")));
}

TEST(EventDecoder, PaddingInOurOwnMessagesIsLeftOut) {
  const auto schema = features({"user", "item"});
  const auto decoder = make(
      {.layout = {.features = {{.path = "", .ignore = {std::int64_t{0}, "none"}}, {}}}}, schema);
  EXPECT_EQ(
      decode_with(*decoder,
                  "{\"f\":{\"user\":[0,7,\"none\"],\"item\":[0]}}\n{\"f\":{\"user\":[0]}}", schema)
          .samples,
      "user=7 item=0 | user= item=");
}

TEST(EventDecoder, AMessageThatCannotBeUsedIsAnError) {
  const auto schema = features({"user"});
  const auto decoder =
      make({.format = RecordFormat::kJson, .layout = {.sample_per = "items"}}, schema);
  EXPECT_THAT(decode_with(*decoder, "{\"user\":1}", schema).error.message, HasSubstr("sample_per"));
  EXPECT_THAT(decode_with(*decoder, " ", schema).error.message, HasSubstr("blanks"));
  EXPECT_EQ(decode_with(*decoder, "nonsense", schema).error.code, ErrorCode::kCorrupt);
}

TEST(EventDecoder, SchemasComeFromTheRegistryOnce) {
  FakeRegistry registry;
  registry.answers["/schemas/ids/7"] = schema_json(kAvro);
  registry.answers["/schemas/ids/8"] = schema_json(
      "syntax = \"proto3\"; message A { int32 x = 1; } message B { uint64 user = 3; }", "PROTOBUF");
  registry.answers["/schemas/ids/9"] = schema_json("{}", "JSON");
  const auto schema = features({"user"});
  const auto decoder = make({.format = RecordFormat::kRegistry,
                             .framing = Framing::kConfluent,
                             .registry = RegistryOptions{.url = registry.url()}},
                            schema);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(decode_with(*decoder, framed(7, "\x0e"), schema).samples, "user=7");
    EXPECT_EQ(decode_with(*decoder, framed(8, "\x02\x02\x18\x05"), schema).samples, "user=5");
    EXPECT_EQ(decode_with(*decoder, framed(9, R"({"user":6})"), schema).samples, "user=6");
  }
  EXPECT_EQ(registry.requests().size(), 3U);
  EXPECT_THAT(decode_with(*decoder, framed(8, "\x02\x0e\x18\x05"), schema).error.message,
              HasSubstr("schema 8: its message indexes name no message"));
}

TEST(EventDecoder, AnUnknownSchemaIsAnErrorOfItsMessages) {
  FakeRegistry registry;
  registry.answers["/schemas/ids/1"] = schema_json("{\"type\":\"nonsense\"}");
  const auto schema = features({"user"});
  const auto decoder = make({.format = RecordFormat::kRegistry,
                             .framing = Framing::kConfluent,
                             .registry = RegistryOptions{.url = registry.url()}},
                            schema);
  const auto unknown = decode_with(*decoder, framed(5, "x"), schema);
  EXPECT_THAT(unknown.error.message, HasSubstr("schema 5: the registry "));
  EXPECT_FALSE(unknown.error.retryable);
  (void)decode_with(*decoder, framed(5, "x"), schema);
  EXPECT_EQ(registry.requests().size(), 1U);  // it is not asked for every message
  EXPECT_THAT(decode_with(*decoder, framed(1, "x"), schema).error.message,
              HasSubstr("schema 1: no Avro schema"));
}

TEST(EventDecoder, ARegistryInTroubleIsWaitedFor) {
  FakeRegistry registry;
  registry.answers["/schemas/ids/7"] = schema_json(kAvro);
  registry.status = 503;
  const auto schema = features({"user"});
  const auto decoder = make({.format = RecordFormat::kRegistry,
                             .framing = Framing::kConfluent,
                             .registry = RegistryOptions{.url = registry.url()}},
                            schema);
  const auto first = decode_with(*decoder, framed(7, "\x0e"), schema);
  EXPECT_TRUE(first.error.retryable);
  EXPECT_THAT(first.error.message, HasSubstr("answers 503"));
  registry.status = 200;
  std::this_thread::sleep_for(std::chrono::milliseconds(1'100));
  EXPECT_EQ(decode_with(*decoder, framed(7, "\x0e"), schema).samples, "user=7");
}

TEST(EventDecoder, TheRegistryIsAskedWithCredentialsAndForReferences) {
  const TempDir dir;
  write_file(dir / "password", "secret\n");
  FakeRegistry registry;
  registry.answers["/schemas/ids/7"] =
      nlohmann::json{
          {"schema", R"({"type":"record","name":"R","fields":[{"name":"user","type":"User"}]})"},
          {"references", {{{"name", "User"}, {"subject", "users/of all"}, {"version", 2}}}}}
          .dump();
  registry.answers["/subjects/users%2Fof%20all/versions/2"] =
      schema_json(R"({"type":"record","name":"User","fields":[{"name":"id","type":"long"}]})");
  const auto schema = features({"user"});
  const auto decoder = make({.format = RecordFormat::kRegistry,
                             .framing = Framing::kConfluent,
                             .layout = {.features = {{"user.id"}}},
                             .registry = RegistryOptions{.url = registry.url(),
                                                         .user = "remapd",
                                                         .password_file = dir / "password"}},
                            schema);
  EXPECT_EQ(decode_with(*decoder, framed(7, "\x0e"), schema).samples, "user=7");
  EXPECT_THAT(registry.requests().at(0),
              HasSubstr("Authorization: Basic cmVtYXBkOnNlY3JldA==\r\n"));
}

TEST(EventDecoder, FramingIsTakenOffOrNamed) {
  const auto schema = features({"user"});
  pipeline::EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}) = {1};
  batch.mutable_values(FeatureIndex{0}) = {42};
  batch.seal(1);
  const std::string plain = proto::encode_protobuf(batch, schema, "test");
  const std::string message = framed(42, std::string(1, '\0') + plain);
  const auto confluent = make({.framing = Framing::kConfluent}, schema);
  EXPECT_EQ(decode_with(*confluent, message, schema).samples, "user=42");
  EXPECT_EQ(decode_with(*confluent, framed(1, R"({"f":{"user":3}})"), schema).samples, "user=3");
  EXPECT_THAT(decode_with(*confluent, plain, schema).error.message,
              HasSubstr("does not begin with a 0 and the number of a schema"));
  const auto none = make({}, schema);
  EXPECT_THAT(decode_with(*none, message, schema).error.message,
              AllOf(HasSubstr("schema 42"), HasSubstr("source.decode.framing = \"confluent\"")));
  const auto json = make({.format = RecordFormat::kJson, .framing = Framing::kConfluent}, schema);
  EXPECT_EQ(decode_with(*json, framed(9, R"({"user":6})"), schema).samples, "user=6");
}

TEST(EventDecoder, FilesThatCannotBeUsedNameTheirKey) {
  const TempDir dir;
  write_file(dir / "bad.avsc", "nonsense");
  const auto refused = [](const DecodeOptions& options) {
    const auto decoder = EventDecoder::create(options, features({"user"}));
    return decoder ? std::string() : decoder.error().message;
  };
  EXPECT_THAT(refused({.format = RecordFormat::kAvro, .schema_file = dir / "missing"}),
              HasSubstr("source.decode.schema_file: "));
  EXPECT_THAT(refused({.format = RecordFormat::kAvro, .schema_file = dir / "bad.avsc"}),
              HasSubstr("no Avro schema"));
  EXPECT_THAT(refused({.format = RecordFormat::kProtobuf, .descriptor_set = dir / "bad.avsc"}),
              HasSubstr("source.decode.descriptor_set: "));
  EXPECT_THAT(refused({.format = RecordFormat::kRegistry, .registry = RegistryOptions{.url = "x"}}),
              HasSubstr("source.decode.schema_registry"));
}

}  // namespace
}  // namespace remapd::decode
