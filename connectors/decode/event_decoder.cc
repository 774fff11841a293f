#include "connectors/decode/event_decoder.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "connectors/decode/avro_decoder.h"
#include "connectors/decode/framing.h"
#include "connectors/decode/ignored_ids.h"
#include "connectors/decode/json_decoder.h"
#include "connectors/decode/protobuf_decoder.h"
#include "connectors/decode/schema_files.h"
#include "connectors/proto/json_text.h"

namespace remapd::decode {
namespace {

using pipeline::EventBatch;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kAskAgain{1};          // a registry that does not answer
constexpr std::chrono::seconds kAskAgainUnknown{10};  // for a schema that it did not know

// The decoder of a schema that the configuration names.
Result<std::unique_ptr<RecordDecoder>> make_decoder(const DecodeOptions& options,
                                                    const FieldTree& tree) {
  if (options.format == RecordFormat::kJson) return make_json_decoder(tree);
  if (options.format == RecordFormat::kAvro) {
    auto schema = load_avro_schema(options);
    if (!schema) return fail(std::move(schema).error());
    return make_avro_decoder(std::move(*schema), tree);
  }
  const auto schema = load_protobuf_schema(options);
  if (!schema) return fail(schema.error());
  return make_protobuf_decoder(*schema, *schema->message(), tree);
}

Error not_framed(ByteView message) {
  return {ErrorCode::kCorrupt,
          fmt::format("a message of {} bytes that does not begin with a 0 and the number of a "
                      "schema, as source.decode.framing = \"confluent\" says{}",
                      message.size(),
                      message.empty() ? ""
                                      : fmt::format("; its first byte is 0x{:02x}",
                                                    std::to_integer<unsigned>(message.front())))};
}

// What to look at, if a message looks framed and the configuration knows nothing of it.
Error with_hint(Error error, ByteView message) {
  const auto framed = unframe(message);
  if (framed && framed->schema > 0) {
    error.message += fmt::format(
        "; it begins as a message of a schema registry does (a 0, then schema {}): set "
        "source.decode.framing = \"confluent\"",
        framed->schema);
  }
  return error;
}

// The records of one message into a batch. Of several a bad one is told and the others are kept;
// the error of a message is that of its only record.
class MessageRecords {
 public:
  MessageRecords(RecordDecoder& decoder, SampleBuilder& builder, const proto::OnBadRecord& on_bad)
      : decoder_(decoder), builder_(builder), on_bad_(on_bad) {}

  // `into` is reset before, and after an error.
  Result<proto::DecodeNotes> fill(ByteView body, bool json, EventBatch& into) {
    if (json && as_text(body).starts_with('{') && decoder_.read(body, builder_)) {
      // Nearly every message is one object, whose end need not be looked for.
      append({.text = as_text(body)}, into, /*is_read=*/true);
    } else if (json) {
      proto::for_each_json_record(as_text(body),
                                  [&](const proto::JsonRecord& record) { append(record, into); });
    } else {
      append({.text = as_text(body)}, into);
    }
    into.seal(samples_);
    if (samples_ > 0 || told_) return proto::DecodeNotes{};
    if (records_ == 0) return fail(ErrorCode::kCorrupt, "a message of nothing but blanks");
    if (!first_bad_) {
      return fail(ErrorCode::kCorrupt,
                  "a message without a sample: the list of source.decode.sample_per is empty or "
                  "missing");
    }
    return fail(ErrorCode::kCorrupt, std::move(first_bad_->reason));
  }

 private:
  void append(const proto::JsonRecord& record, EventBatch& into, bool is_read = false) {
    if (++records_ == 2 && first_bad_) tell(*first_bad_);
    if (is_read || decoder_.read(as_bytes(record.text), builder_)) {
      if (const auto added = builder_.finish(into)) {
        samples_ += *added;
        return;
      }
    }
    proto::BadRecord bad{.record = record.text, .line = record.line, .reason = builder_.reason()};
    if (records_ > 1) return tell(bad);
    first_text_ = record.text;
    bad.record = first_text_;
    first_bad_ = std::move(bad);
  }

  void tell(const proto::BadRecord& bad) {
    told_ = true;
    proto::BadRecord told = bad;
    told.reason = fmt::format("line {}: {}", bad.line, bad.reason);
    on_bad_(told);
  }

  RecordDecoder& decoder_;
  SampleBuilder& builder_;
  const proto::OnBadRecord& on_bad_;
  std::size_t records_ = 0;
  std::size_t samples_ = 0;
  bool told_ = false;
  std::string first_text_;
  std::optional<proto::BadRecord> first_bad_;
};

class AccessBatchEvents final : public EventDecoder {
 public:
  AccessBatchEvents(const DecodeOptions& options, const pipeline::FeatureSchema& schema)
      : framing_(options.framing), decoder_(schema), ignored_(ignored_ids(options.layout)) {}

  Result<proto::DecodeNotes> decode(ByteView message, EventBatch& into,
                                    const proto::OnBadRecord& on_bad) override {
    ByteView body = message;
    if (framing_ == Framing::kConfluent) {
      const auto framed = unframe(message);
      if (!framed) return fail(not_framed(message));
      body = framed->body;
      const bool json = !body.empty() && body.front() == std::byte{'{'};
      if (!json && !take_message_indexes(body)) return fail(not_framed(message));
    }
    auto notes = decoder_.decode(body, into, on_bad);
    if (!notes && framing_ == Framing::kNone) {
      return fail(with_hint(std::move(notes).error(), message));
    }
    if (notes) ignored_.take_from(into);
    return notes;
  }

 private:
  Framing framing_;
  proto::AccessBatchDecoder decoder_;
  IgnoredIds ignored_;
};

// Records of one schema, that of the configuration.
class LayoutEvents final : public EventDecoder {
 public:
  LayoutEvents(const DecodeOptions& options, std::unique_ptr<SampleBuilder> builder,
               std::unique_ptr<RecordDecoder> decoder, std::size_t features)
      : format_(options.format),
        framing_(options.framing),
        features_(features),
        builder_(std::move(builder)),
        decoder_(std::move(decoder)) {}

  Result<proto::DecodeNotes> decode(ByteView message, EventBatch& into,
                                    const proto::OnBadRecord& on_bad) override {
    into.reset(features_);
    ByteView body = message;
    if (framing_ == Framing::kConfluent) {
      const auto framed = unframe(message);
      if (!framed) return fail(not_framed(message));
      body = framed->body;
      if (format_ == RecordFormat::kProtobuf && !take_message_indexes(body)) {
        return fail(ErrorCode::kCorrupt, "its message indexes cannot be read");
      }
    }
    const bool json = format_ == RecordFormat::kJson;
    auto filled = MessageRecords(*decoder_, *builder_, on_bad).fill(body, json, into);
    if (!filled && framing_ == Framing::kNone) {
      return fail(with_hint(std::move(filled).error(), message));
    }
    return filled;
  }

 private:
  RecordFormat format_;
  Framing framing_;
  std::size_t features_;
  std::unique_ptr<SampleBuilder> builder_;
  std::unique_ptr<RecordDecoder> decoder_;
};

// Records of the schemas that a registry holds.
class RegistryEvents final : public EventDecoder {
 public:
  RegistryEvents(std::unique_ptr<SampleBuilder> builder, std::unique_ptr<SchemaRegistry> registry,
                 std::size_t features)
      : features_(features), builder_(std::move(builder)), registry_(std::move(registry)) {}

  Result<proto::DecodeNotes> decode(ByteView message, EventBatch& into,
                                    const proto::OnBadRecord& on_bad) override {
    into.reset(features_);
    const auto framed = unframe(message);
    if (!framed) return fail(not_framed(message));
    auto known = schema(framed->schema);
    if (!known) return fail(std::move(known).error());
    Schema& schema = **known;
    ByteView body = framed->body;
    RecordDecoder* decoder = schema.decoder.get();
    if (schema.type == SchemaType::kProtobuf) {
      auto chosen = message_decoder(schema, body);
      if (!chosen) {
        return fail(
            std::move(chosen).error().with_context(fmt::format("schema {}", framed->schema)));
      }
      decoder = *chosen;
    }
    const bool json = schema.type == SchemaType::kJson;
    auto filled = MessageRecords(*decoder, *builder_, on_bad).fill(body, json, into);
    if (!filled) {
      return fail(std::move(filled).error().with_context(fmt::format("schema {}", framed->schema)));
    }
    return filled;
  }

 private:
  struct Schema {
    SchemaType type = SchemaType::kAvro;
    std::optional<Error> unusable{};
    steady_clock::time_point ask_again = steady_clock::time_point::max();  // about one unusable
    std::unique_ptr<RecordDecoder> decoder{};                              // not of protobuf
    std::optional<ProtobufSchema> protobuf{};
    std::map<std::vector<int>, std::unique_ptr<RecordDecoder>> messages{};  // by message indexes
  };

  // The schema of that number, fetched if need be.
  Result<Schema*> schema(std::uint32_t id) {
    const auto now = steady_clock::now();
    if (const auto known = schemas_.find(id); known != schemas_.end()) {
      if (!known->second.unusable) return &known->second;
      if (now < known->second.ask_again) return fail(*known->second.unusable);
    }
    if (trouble_ && now < ask_again_) return fail(*trouble_);
    trouble_.reset();
    Schema schema;
    auto registered = registry_->fetch(id);
    if (registered) {
      if (auto made = make(*registered, schema); !made) {
        schema.unusable = std::move(made).error().with_context(fmt::format("schema {}", id));
      }
    } else if (registered.error().retryable) {
      trouble_ = std::move(registered).error();
      ask_again_ = steady_clock::now() + kAskAgain;
      return fail(*trouble_);
    } else {
      schema.unusable = std::move(registered).error();
      schema.ask_again = steady_clock::now() + kAskAgainUnknown;
    }
    if (schemas_.size() >= kMaxKeptSchemas) schemas_.clear();
    Schema& kept = schemas_[id] = std::move(schema);
    if (kept.unusable) return fail(*kept.unusable);
    return &kept;
  }

  Result<void> make(const RegisteredSchema& registered, Schema& into) const {
    into.type = registered.type;
    switch (registered.type) {
      case SchemaType::kJson:
        into.decoder = make_json_decoder(builder_->tree());
        break;
      case SchemaType::kAvro: {
        auto schema = avro_schema_of(registered);
        if (!schema) return fail(std::move(schema).error());
        into.decoder = make_avro_decoder(std::move(*schema), builder_->tree());
        break;
      }
      case SchemaType::kProtobuf: {
        auto schema = protobuf_schema_of(registered);
        if (!schema) return fail(std::move(schema).error());
        into.protobuf = std::move(*schema);
        break;
      }
    }
    return {};
  }

  Result<RecordDecoder*> message_decoder(Schema& schema, ByteView& body) {
    const auto indexes = take_message_indexes(body);
    const auto* message = indexes ? schema.protobuf->message_at(*indexes) : nullptr;
    if (message == nullptr) {
      return fail(ErrorCode::kCorrupt,
                  "its message indexes name no message of its schema: is it protobuf?");
    }
    auto& decoder = schema.messages[*indexes];
    if (!decoder) decoder = make_protobuf_decoder(*schema.protobuf, *message, builder_->tree());
    return decoder.get();
  }

  std::size_t features_;
  std::unique_ptr<SampleBuilder> builder_;
  std::unique_ptr<SchemaRegistry> registry_;
  std::unordered_map<std::uint32_t, Schema> schemas_;
  std::optional<Error> trouble_;  // of the registry, until ask_again_
  steady_clock::time_point ask_again_;
};

Result<std::unique_ptr<SampleBuilder>> make_builder(const DecodeOptions& options,
                                                    const pipeline::FeatureSchema& schema) {
  auto builder = SampleBuilder::create(options.layout, schema);
  if (!builder) return fail(std::move(builder).error());
  return std::make_unique<SampleBuilder>(std::move(*builder));
}

}  // namespace

RecordReader::RecordReader(std::unique_ptr<SampleBuilder> builder,
                           std::unique_ptr<RecordDecoder> decoder)
    : builder_(std::move(builder)), decoder_(std::move(decoder)) {}

Result<RecordReader> RecordReader::create(const DecodeOptions& options,
                                          const pipeline::FeatureSchema& schema) {
  auto builder = make_builder(options, schema);
  if (!builder) return fail(std::move(builder).error());
  auto decoder = make_decoder(options, (*builder)->tree());
  if (!decoder) return fail(std::move(decoder).error());
  return RecordReader(std::move(*builder), std::move(*decoder));
}

Result<std::size_t> RecordReader::append(ByteView record, EventBatch& into) {
  if (decoder_->read(record, *builder_)) {
    if (const auto samples = builder_->finish(into)) return *samples;
  }
  return fail(ErrorCode::kCorrupt, builder_->reason());
}

Result<std::unique_ptr<EventDecoder>> EventDecoder::create(const DecodeOptions& options,
                                                           const pipeline::FeatureSchema& schema) {
  if (options.format == RecordFormat::kAccessBatch) {
    return std::make_unique<AccessBatchEvents>(options, schema);
  }
  auto builder = make_builder(options, schema);
  if (!builder) return fail(std::move(builder).error());
  if (options.format == RecordFormat::kRegistry) {
    auto registry = SchemaRegistry::create(options.registry.value_or(RegistryOptions{}));
    if (!registry) return fail(std::move(registry).error());
    return std::make_unique<RegistryEvents>(std::move(*builder), std::move(*registry),
                                            schema.size());
  }
  auto decoder = make_decoder(options, (*builder)->tree());
  if (!decoder) return fail(std::move(decoder).error());
  return std::make_unique<LayoutEvents>(options, std::move(*builder), std::move(*decoder),
                                        schema.size());
}

}  // namespace remapd::decode
