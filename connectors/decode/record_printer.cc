#include "connectors/decode/record_printer.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "connectors/decode/avro_reader.h"
#include "connectors/decode/avro_schema.h"
#include "connectors/decode/framing.h"
#include "connectors/decode/protobuf_schema.h"
#include "connectors/decode/schema_files.h"

namespace remapd::decode {
namespace {

namespace pb = google::protobuf;
using nlohmann::json;

constexpr int kMaxDepth = 64;

class JsonForm final : public RecordPrinter::Form {
 public:
  Result<std::string> print(ByteView body) override { return std::string(as_text(body)); }
};

class AvroForm final : public RecordPrinter::Form {
 public:
  explicit AvroForm(AvroSchema schema) : schema_(std::move(schema)) {}

  Result<std::string> print(ByteView body) override {
    in_ = AvroReader(body);
    json record;
    if (!read(schema_.root(), 0, record) || in_.left() > 0) {
      return fail(ErrorCode::kCorrupt, "the record does not fit its Avro schema");
    }
    return record.dump(-1, ' ', false, json::error_handler_t::replace);
  }

 private:
  using Kind = AvroType::Kind;

  bool read(std::uint32_t index, int depth, json& into) {
    if (depth == kMaxDepth) return false;
    const AvroType& type = schema_.type(index);
    std::int64_t number = 0;
    std::string_view text;
    switch (type.kind) {
      case Kind::kNull:
        return true;
      case Kind::kBoolean: {
        bool value = false;
        if (!in_.read_boolean(value)) return false;
        into = value;
        return true;
      }
      case Kind::kInt:
      case Kind::kLong:
        if (!in_.read_long(number)) return false;
        into = number;
        return true;
      case Kind::kFloat:
        return read_number<float>(into);
      case Kind::kDouble:
        return read_number<double>(into);
      case Kind::kEnum:
        if (!read_index(type.names.size(), number)) return false;
        into = type.names[static_cast<std::size_t>(number)];
        return true;
      case Kind::kFixed:
        if (!in_.read_fixed(type.size, text)) return false;
        into = text;
        return true;
      case Kind::kBytes:
      case Kind::kString:
        if (!in_.read_bytes(text)) return false;
        into = text;
        return true;
      case Kind::kUnion:
        return read_index(type.parts.size(), number) &&
               read(type.parts[static_cast<std::size_t>(number)], depth + 1, into);
      case Kind::kRecord:
        into = json::object();
        for (std::size_t i = 0; i < type.parts.size(); ++i) {
          if (!read(type.parts[i], depth + 1, into[type.names[i]])) return false;
        }
        return true;
      case Kind::kArray:
      case Kind::kMap:
        break;
    }
    return read_elements(type, depth, into);
  }

  template <class T>
  bool read_number(json& into) {
    T value = 0;
    if (!in_.read_raw(value)) return false;
    into = value;
    return true;
  }

  bool read_index(std::size_t size, std::int64_t& index) {
    return in_.read_long(index) && index >= 0 && static_cast<std::size_t>(index) < size;
  }

  bool read_elements(const AvroType& type, int depth, json& into) {
    const bool map = type.kind == Kind::kMap;
    into = map ? json::object() : json::array();
    for (;;) {
      std::uint64_t count = 0;
      std::uint64_t bytes = 0;
      if (!in_.read_block(count, bytes)) return false;
      if (count == 0) return true;
      if (!map && schema_.type(type.parts.front()).empty) continue;
      for (; count > 0; --count) {
        std::string_view key;
        if (in_.left() == 0 || (map && !in_.read_bytes(key))) return false;
        json element;
        if (!read(type.parts.front(), depth + 1, element)) return false;
        if (map) {
          into[std::string(key)] = std::move(element);
        } else {
          into.push_back(std::move(element));
        }
      }
    }
  }

  AvroSchema schema_;
  AvroReader in_;
};

class ProtobufForm final : public RecordPrinter::Form {
 public:
  // `framed`: message indexes stand before the message.
  ProtobufForm(ProtobufSchema schema, bool framed) : schema_(std::move(schema)), framed_(framed) {}

  Result<std::string> print(ByteView body) override {
    const pb::Descriptor* type = schema_.message();
    if (framed_) {
      const auto indexes = take_message_indexes(body);
      type = indexes ? schema_.message_at(*indexes) : nullptr;
    }
    if (type == nullptr) {
      return fail(ErrorCode::kCorrupt, "its message indexes name no message of its schema");
    }
    const std::unique_ptr<pb::Message> message(factory_.GetPrototype(type)->New());
    if (!message->ParsePartialFromArray(body.data(), static_cast<int>(body.size()))) {
      return fail(ErrorCode::kCorrupt, fmt::format("no protobuf message {}", type->full_name()));
    }
    pb::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string text;
    if (const auto printed = pb::util::MessageToJsonString(*message, &text, options);
        !printed.ok()) {
      return fail(ErrorCode::kCorrupt, printed.ToString());
    }
    return text;
  }

 private:
  ProtobufSchema schema_;
  bool framed_;
  pb::DynamicMessageFactory factory_;
};

Result<std::unique_ptr<RecordPrinter::Form>> form_of_registered(
    const RegisteredSchema& registered) {
  switch (registered.type) {
    case SchemaType::kJson:
      break;
    case SchemaType::kAvro: {
      auto schema = avro_schema_of(registered);
      if (!schema) return fail(std::move(schema).error());
      return std::make_unique<AvroForm>(std::move(*schema));
    }
    case SchemaType::kProtobuf: {
      auto schema = protobuf_schema_of(registered);
      if (!schema) return fail(std::move(schema).error());
      return std::make_unique<ProtobufForm>(std::move(*schema), /*framed=*/true);
    }
  }
  return std::make_unique<JsonForm>();
}

Result<std::unique_ptr<RecordPrinter::Form>> form_of_options(const DecodeOptions& options) {
  switch (options.format) {
    case RecordFormat::kAvro: {
      auto schema = load_avro_schema(options);
      if (!schema) return fail(std::move(schema).error());
      return std::make_unique<AvroForm>(std::move(*schema));
    }
    case RecordFormat::kProtobuf: {
      auto schema = load_protobuf_schema(options);
      if (!schema) return fail(std::move(schema).error());
      return std::make_unique<ProtobufForm>(std::move(*schema),
                                            options.framing == Framing::kConfluent);
    }
    case RecordFormat::kAccessBatch:
    case RecordFormat::kJson:
    case RecordFormat::kRegistry:
      break;
  }
  return std::make_unique<JsonForm>();
}

}  // namespace

Result<std::unique_ptr<RecordPrinter>> RecordPrinter::create(const DecodeOptions& options) {
  std::unique_ptr<RecordPrinter> printer(new RecordPrinter(options));
  if (options.format == RecordFormat::kRegistry) {
    auto registry = SchemaRegistry::create(options.registry.value_or(RegistryOptions{}));
    if (!registry) return fail(std::move(registry).error());
    printer->registry_ = std::move(*registry);
    return printer;
  }
  auto form = form_of_options(options);
  if (!form) return fail(std::move(form).error());
  printer->forms_.emplace(0, std::move(*form));
  return printer;
}

Result<std::string> RecordPrinter::print(ByteView message) {
  ByteView body = message;
  std::uint32_t schema = 0;
  if (registry_ || options_.framing == Framing::kConfluent) {
    const auto framed = unframe(message);
    if (!framed) {
      return fail(ErrorCode::kCorrupt,
                  "the message does not begin with a 0 and the number of a schema");
    }
    body = framed->body;
    if (registry_) schema = framed->schema;
  }
  const auto form = form_of(schema);
  if (!form) return fail(form.error());
  return (*form)->print(body);
}

Result<RecordPrinter::Form*> RecordPrinter::form_of(std::uint32_t schema) {
  if (const auto known = forms_.find(schema); known != forms_.end()) return known->second.get();
  const auto registered = registry_->fetch(schema);
  if (!registered) return fail(registered.error());
  auto form = form_of_registered(*registered);
  if (!form) {
    return fail(std::move(form).error().with_context(fmt::format("schema {}", schema)));
  }
  return forms_.emplace(schema, std::move(*form)).first->second.get();
}

}  // namespace remapd::decode
