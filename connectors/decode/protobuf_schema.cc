#include "connectors/decode/protobuf_schema.h"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

namespace remapd::decode {

namespace pb = google::protobuf;

namespace {

constexpr std::size_t kListedMessages = 16;

// The first error, in the compiler's words.
class FirstError final : public pb::DescriptorPool::ErrorCollector, public pb::io::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& message) override {
    if (text.empty()) text = fmt::format("{}: {}: {}", file, element, message);
  }
  void AddError(int line, int column, const std::string& message) override {
    if (text.empty()) text = fmt::format("line {}, column {}: {}", line + 1, column + 1, message);
  }

  std::string text;
};

void add_names(const pb::Descriptor* message, std::string& names, std::size_t& count) {
  if (++count <= kListedMessages) names += (names.empty() ? "" : ", ") + message->full_name();
  for (int i = 0; i < message->nested_type_count(); ++i) {
    if (!message->nested_type(i)->options().map_entry()) {
      add_names(message->nested_type(i), names, count);
    }
  }
}

// The messages that a source names; the entries of a map are none of them.
const pb::Descriptor* nested_message(const pb::Descriptor& message, int index) {
  for (int i = 0; i < message.nested_type_count(); ++i) {
    if (message.nested_type(i)->options().map_entry()) continue;
    if (index-- == 0) return message.nested_type(i);
  }
  return nullptr;
}

// The bytes that a text in base64 stands for; none: it is no such text.
std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes.push_back(static_cast<char>(bits >> have & 0xff));
  }
  return bytes;
}

// A schema as a registry hands it out: the source, or the descriptor of its file in base64.
std::string parse_source(const std::string& name, const std::string& text,
                         pb::FileDescriptorProto& file) {
  if (const auto bytes = from_base64(text); bytes && file.ParseFromString(*bytes)) {
    file.set_name(name);
    return {};
  }
  file.Clear();
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  FirstError error;
  pb::io::Tokenizer tokens(&stream, &error);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&error);
  file.set_name(name);
  const bool parsed = parser.Parse(&tokens, &file);
  return parsed && error.text.empty() ? std::string() : "no protobuf schema: " + error.text;
}

}  // namespace

struct ProtobufSchema::Pool {
  pb::DescriptorPool pool;
  const pb::FileDescriptor* file = nullptr;  // the last one added that is no well-known type

  Pool() {
    for (const pb::Descriptor* known :
         {pb::Any::descriptor(), pb::Duration::descriptor(), pb::Empty::descriptor(),
          pb::FieldMask::descriptor(), pb::Struct::descriptor(), pb::Timestamp::descriptor(),
          pb::Int64Value::descriptor()}) {
      pb::FileDescriptorProto proto;
      known->file()->CopyTo(&proto);
      (void)pool.BuildFile(proto);
    }
  }

  // Empty, or what is wrong.
  std::string add(const pb::FileDescriptorProto& proto) {
    if (const auto* known = pool.FindFileByName(proto.name()); known != nullptr) {
      file = known;
      return {};
    }
    FirstError error;
    const auto* built = pool.BuildFileCollectingErrors(proto, &error);
    if (built == nullptr) {
      return error.text.empty() ? proto.name() + ": cannot be used" : error.text;
    }
    file = built;
    return {};
  }
};

Result<ProtobufSchema> ProtobufSchema::from_descriptor_set(ByteView bytes,
                                                           std::string_view message) {
  pb::FileDescriptorSet set;
  const bool parsed = bytes.size() <= std::numeric_limits<int>::max() &&
                      set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!parsed || set.file_size() == 0) {
    return fail(ErrorCode::kConfig,
                "it is no descriptor set: make one with protoc --include_imports "
                "--descriptor_set_out=FILE NAME.proto");
  }
  auto pool = std::make_shared<Pool>();
  for (const pb::FileDescriptorProto& file : set.file()) {
    if (const std::string wrong = pool->add(file); !wrong.empty()) {
      return fail(ErrorCode::kConfig, wrong + " (was the set made with --include_imports?)");
    }
  }
  ProtobufSchema schema;
  std::string names;
  std::size_t count = 0;
  for (const pb::FileDescriptorProto& file : set.file()) {
    const auto* built = pool->pool.FindFileByName(file.name());
    for (int i = 0; i < built->message_type_count(); ++i) {
      add_names(built->message_type(i), names, count);
    }
  }
  schema.message_ = message.empty()
                        ? (count == 1 ? pool->pool.FindMessageTypeByName(names) : nullptr)
                        : pool->pool.FindMessageTypeByName(std::string(message));
  if (schema.message_ == nullptr) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("{}; it has {}: {}{}",
                    message.empty() ? std::string("it has several messages, and none is named")
                                    : fmt::format("it has no message \"{}\"", message),
                    count, names, count > kListedMessages ? ", ..." : ""));
  }
  schema.pool_ = std::move(pool);
  return schema;
}

Result<ProtobufSchema> ProtobufSchema::from_source(const Source& source,
                                                   const std::vector<Source>& imports) {
  auto pool = std::make_shared<Pool>();
  const auto add = [&](const Source& from) -> Result<void> {
    pb::FileDescriptorProto proto;
    if (const std::string wrong = parse_source(from.name, from.text, proto); !wrong.empty()) {
      return fail(ErrorCode::kCorrupt, from.name + ": " + wrong);
    }
    if (const std::string wrong = pool->add(proto); !wrong.empty()) {
      return fail(ErrorCode::kCorrupt, wrong);
    }
    return {};
  };
  for (const Source& import : imports) {
    if (auto added = add(import); !added) return fail(std::move(added).error());
  }
  if (auto added = add(source); !added) return fail(std::move(added).error());
  if (pool->file->message_type_count() == 0) {
    return fail(ErrorCode::kCorrupt, source.name + ": a schema without a message");
  }
  ProtobufSchema schema;
  schema.message_ = pool->file->message_type(0);
  schema.pool_ = std::move(pool);
  return schema;
}

const pb::Descriptor* ProtobufSchema::message_at(const std::vector<int>& indexes) const {
  const pb::Descriptor* message = nullptr;
  for (const int index : indexes) {
    if (message != nullptr) {
      message = nested_message(*message, index);
    } else {
      const int count = pool_->file->message_type_count();
      message = index >= 0 && index < count ? pool_->file->message_type(index) : nullptr;
    }
    if (message == nullptr) return nullptr;
  }
  return message;
}

}  // namespace remapd::decode
