// One event as JSON, Avro and protobuf of a team's own: t, page, an id for each feature, label.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "connectors/decode/event_decoder.h"
#include "tests/support/temp_dir.h"

namespace remapd::support {

inline constexpr std::uint64_t kEventTime = 1'690'000'000'123;

struct RecordForm {
  decode::DecodeOptions options;
  std::function<std::string(const std::vector<Id>& ids, bool label)> encode;
};

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value > 0x7f; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

inline std::string zigzag(std::uint64_t value) {
  return varint(value << 1 ^ (0 - (value >> 63)));
}

inline decode::RecordLayout flat_layout() {
  return {.label = "label", .time = "t"};
}

inline RecordForm json_form(const std::vector<std::string>& features) {
  return {.options = {.format = decode::RecordFormat::kJson, .layout = flat_layout()},
          .encode = [features](const std::vector<Id>& ids, bool label) {
            std::string out =
                fmt::format(R"({{"t":{},"page":"/home","label":{})", kEventTime, label ? 1 : 0);
            for (std::size_t f = 0; f < features.size(); ++f) {
              out += fmt::format(",\"{}\":{}", features[f], ids[f]);
            }
            return out + "}";
          }};
}

// Writes the schema into `dir`.
inline RecordForm avro_form(const std::vector<std::string>& features,
                            const std::filesystem::path& dir) {
  std::string schema = R"({"type":"record","name":"E","fields":[{"name":"t","type":"long"},)"
                       R"({"name":"page","type":"string"},)";
  for (const std::string& name : features) {
    schema += fmt::format(R"({{"name":"{}","type":["null","long"]}},)", name);
  }
  test_support::write_file(dir / "e.avsc", schema + R"({"name":"label","type":"boolean"}]})");
  return {.options = {.format = decode::RecordFormat::kAvro,
                      .layout = flat_layout(),
                      .schema_file = dir / "e.avsc"},
          .encode = [](const std::vector<Id>& ids, bool label) {
            std::string out = zigzag(kEventTime) + zigzag(5) + "/home";
            for (const Id id : ids) out += zigzag(1) + zigzag(id);
            return out + (label ? '\1' : '\0');
          }};
}

// Writes what protoc --descriptor_set_out makes of: message E { int64 t = 1; string page = 2; then
// a uint64 for each feature; and bool label }.
inline RecordForm protobuf_form(const std::vector<std::string>& features,
                                const std::filesystem::path& dir) {
  constexpr int kInt64 = 3;
  constexpr int kUint64 = 4;
  constexpr int kBool = 8;
  constexpr int kString = 9;
  std::string message = std::string("\x0a\x01") + "E";
  int number = 0;
  const auto add = [&](const std::string& name, int type) {
    const std::string body = "\x0a" + varint(name.size()) + name + "\x18" +
                             varint(static_cast<std::uint64_t>(++number)) + "\x20\x01\x28" +
                             varint(static_cast<std::uint64_t>(type));
    message += "\x12" + varint(body.size()) + body;
  };
  add("t", kInt64);
  add("page", kString);
  for (const std::string& name : features) add(name, kUint64);
  add("label", kBool);
  const std::string file = "\x0a\x07" + std::string("e.proto") + "\x22" + varint(message.size()) +
                           message + "\x62\x06" + "proto3";
  test_support::write_file(dir / "e.desc", "\x0a" + varint(file.size()) + file);
  const auto tag = [](std::size_t field) { return std::string(1, static_cast<char>(field << 3)); };
  return {.options = {.format = decode::RecordFormat::kProtobuf,
                      .layout = flat_layout(),
                      .descriptor_set = dir / "e.desc"},
          .encode = [tag](const std::vector<Id>& ids, bool label) {
            std::string out = tag(1) + varint(kEventTime) + "\x12\x05/home";
            for (std::size_t f = 0; f < ids.size(); ++f) out += tag(3 + f) + varint(ids[f]);
            if (label) out += tag(3 + ids.size()) + '\1';
            return out;
          }};
}

}  // namespace remapd::support
