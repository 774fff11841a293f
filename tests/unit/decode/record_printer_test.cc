#include "connectors/decode/record_printer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"

namespace remapd::decode {
namespace {

using nlohmann::json;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

constexpr const char* kSchema = R"({"type":"record","name":"R","fields":[
  {"name":"user","type":["null",{"type":"record","name":"U","fields":[{"name":"id","type":"long"}]}]},
  {"name":"tags","type":{"type":"array","items":"string"}},
  {"name":"more","type":{"type":"map","values":"boolean"}},
  {"name":"kind","type":{"type":"enum","name":"K","symbols":["VIEW","BUY"]}}]})";

std::unique_ptr<RecordPrinter> make(const DecodeOptions& options) {
  auto printer = RecordPrinter::create(options);
  EXPECT_TRUE(printer) << printer.error().message;
  return printer ? std::move(*printer) : nullptr;
}

TEST(RecordPrinter, AvroAsPathsNameIt) {
  const TempDir dir;
  write_file(dir / "r.avsc", kSchema);
  const auto printer = make({.format = RecordFormat::kAvro, .schema_file = dir / "r.avsc"});
  // user 7, tags ["a", "b"], more {"x": true}, BUY.
  const std::string record(
      "\x02\x0e\x04\x02"
      "a\x02"
      "b\x00\x02\x02x\x01\x00\x02",
      14);
  const auto text = printer->print(as_bytes(record));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(json::parse(*text),
            json::parse(R"({"user":{"id":7},"tags":["a","b"],"more":{"x":true},"kind":"BUY"})"));
  const std::string none("\x00\x00\x00\x00", 4);
  EXPECT_EQ(json::parse(*printer->print(as_bytes(none))),
            json::parse(R"({"user":null,"tags":[],"more":{},"kind":"VIEW"})"));
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(printer->print(as_bytes(record.substr(0, size)))) << size;
  }
  EXPECT_THAT(printer->print(as_bytes(record + "x")).error().message, HasSubstr("does not fit"));
}

TEST(RecordPrinter, JsonIsPrintedAsItIsBehindItsFraming) {
  const auto plain = make({.format = RecordFormat::kJson});
  EXPECT_EQ(*plain->print(as_bytes(std::string_view("{\"a\":1}"))), "{\"a\":1}");
  const auto framed = make({.format = RecordFormat::kJson, .framing = Framing::kConfluent});
  const std::string message = std::string("\0\0\0\0\x07", 5) + "{}";
  EXPECT_EQ(*framed->print(as_bytes(message)), "{}");
  EXPECT_THAT(framed->print(as_bytes(std::string_view("{}"))).error().message,
              HasSubstr("begin with a 0"));
}

TEST(RecordPrinter, ASchemaThatIsNotThereIsNamed) {
  const auto missing =
      RecordPrinter::create({.format = RecordFormat::kAvro, .schema_file = "/no/such.avsc"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("source.decode.schema_file: /no/such.avsc"));
}

}  // namespace
}  // namespace remapd::decode
