#include "connectors/proto/access_batch_codec.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>
#include <nlohmann/json.hpp>

#include "connectors/proto/access.pb.h"
#include "connectors/proto/json_event_decoder.h"
#include "connectors/proto/json_text.h"
#include "core/base/check.h"
#include "core/fields/label_rule.h"
#include "core/fields/text.h"
#include "core/fields/time_rule.h"

namespace remapd::proto {
namespace {

using nlohmann::json;
using pipeline::EventBatch;
using pipeline::FeatureSchema;

constexpr std::uint32_t kSchemaVersion = 1;

tl::unexpected<Error> corrupt(std::string message) {
  return fail(ErrorCode::kCorrupt, std::move(message));
}

// The first field that an AccessBatch does not have, as in a message of another type.
std::optional<int> unknown_field(const v1::AccessBatch& message) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  if (unknown.empty()) return std::nullopt;
  return unknown.field(0).number();
}

// Printable characters as they are, the others by their codes.
std::string first_bytes(ByteView payload) {
  constexpr std::size_t kShown = 16;
  std::string shown;
  for (const std::byte byte : payload.first(std::min(payload.size(), kShown))) {
    const auto c = std::to_integer<unsigned>(byte);
    shown += c >= 0x20 && c < 0x7f && c != '\\' ? std::string(1, static_cast<char>(c))
                                                : fmt::format("\\x{:02x}", c);
  }
  return shown;
}

// Confluent's serializers put a 0 and the number of a schema, 4 bytes and not 0, before every
// message; no AccessBatch begins with a 0.
std::optional<std::uint32_t> framed_schema(ByteView payload) {
  if (payload.size() < 5 || payload.front() != std::byte{0}) return std::nullopt;
  std::uint32_t schema = 0;
  for (const std::byte byte : payload.subspan(1, 4)) {
    schema = schema << 8 | std::to_integer<std::uint32_t>(byte);
  }
  return schema > 0 ? std::optional(schema) : std::nullopt;
}

std::string place_of(const JsonRecord& record) {
  return record.element > 0 ? fmt::format("line {}, element {}", record.line, record.element)
                            : fmt::format("line {}", record.line);
}

std::string no_access_batch(ByteView payload) {
  if (const auto schema = framed_schema(payload)) {
    return fmt::format(
        "{} bytes that begin with a 0 and the number {}, as messages of a schema registry do; "
        "[source.decode] framing = \"confluent\" reads them",
        payload.size(), *schema);
  }
  return fmt::format(
      "{} bytes that are neither an AccessBatch message nor JSON, beginning with \"{}\"; "
      "[source.decode] says how messages of another form are laid out",
      payload.size(), first_bytes(payload));
}

}  // namespace

struct AccessBatchDecoder::State {
  explicit State(const FeatureSchema& schema_in) : schema(schema_in), json(schema_in) {}

  FeatureSchema schema;
  JsonEventDecoder json;
  v1::AccessBatch message;  // kept for its buffers
  // A bad message is reported by its Error; protobuf would also write each to stderr.
  google::protobuf::LogSilencer quiet;

  Result<DecodeNotes> decode_message(EventBatch& into);
  Result<void> check_samples(std::size_t samples) const;
};

AccessBatchDecoder::AccessBatchDecoder(const FeatureSchema& schema)
    : state_(std::make_unique<State>(schema)) {}
AccessBatchDecoder::~AccessBatchDecoder() = default;
AccessBatchDecoder::AccessBatchDecoder(AccessBatchDecoder&&) noexcept = default;
AccessBatchDecoder& AccessBatchDecoder::operator=(AccessBatchDecoder&&) noexcept = default;

Result<DecodeNotes> AccessBatchDecoder::decode_protobuf(ByteView payload, EventBatch& into) {
  into.reset(state_->schema.size());
  if (payload.empty()) return corrupt("an empty message: it has no sample");
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (payload.size() > kMost ||
      !state_->message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return corrupt(no_access_batch(payload));
  }
  auto notes = state_->decode_message(into);
  if (!notes) into.reset(state_->schema.size());
  return notes;
}

Result<DecodeNotes> AccessBatchDecoder::State::decode_message(EventBatch& into) {
  if (message.schema_version() > kSchemaVersion) {
    return fail(ErrorCode::kUnsupported, fmt::format("schema_version {}; this build reads up to {}",
                                                     message.schema_version(), kSchemaVersion));
  }
  const auto features = static_cast<std::size_t>(message.keys_size());
  const auto lengths = static_cast<std::size_t>(message.lengths_size());
  const auto values = static_cast<std::size_t>(message.values_size());
  if (features == 0 ? lengths > 0 : lengths % features != 0) {
    return corrupt(
        fmt::format("{} lengths for {} keys: not the same number for each", lengths, features));
  }
  const std::size_t samples = features == 0 ? 0 : lengths / features;
  std::uint64_t sum = 0;
  for (const std::uint32_t n : message.lengths()) sum += n;
  if (sum != values) {
    return corrupt(fmt::format("lengths add up to {} but there are {} values", sum, values));
  }
  if (auto sound = check_samples(samples); !sound) return fail(std::move(sound).error());
  std::vector<std::string_view> sorted(message.keys().begin(), message.keys().end());
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return corrupt(fmt::format("key \"{}\" comes twice", twice->substr(0, 64)));
  }

  DecodeNotes notes;
  const std::uint32_t* length = message.lengths().data();
  const std::uint64_t* value = message.values().data();
  for (const std::string& key : message.keys()) {
    std::size_t ids = 0;
    for (std::size_t s = 0; s < samples; ++s) ids += length[s];
    if (const auto feature = schema.find(key)) {
      into.mutable_lengths(*feature).assign(length, length + samples);
      into.mutable_values(*feature).assign(value, value + ids);
    } else {
      ++notes.unknown_features;
    }
    length += samples;
    value += ids;
  }
  into.mutable_labels().assign(message.labels().begin(), message.labels().end());
  into.mutable_weights().assign(message.weights().begin(), message.weights().end());
  into.event_time_ms = fields::time_ms_of_integer(message.event_time_ms());
  into.seal(samples);
  return notes;
}

Result<void> AccessBatchDecoder::State::check_samples(std::size_t samples) const {
  if (samples == 0) {
    const auto unknown = unknown_field(message);
    return corrupt(fmt::format(
        "an AccessBatch without a sample: {} keys and no lengths{}", message.keys_size(),
        unknown
            ? fmt::format(", but a field {}, which it does not have: a message of another type? "
                          "[source.decode] says how those are laid out",
                          *unknown)
            : ""));
  }
  const auto per_sample = [&](int entries, std::string_view what) -> Result<void> {
    if (entries == 0 || static_cast<std::size_t>(entries) == samples) return {};
    return corrupt(fmt::format("{} {} for {} samples", entries, what, samples));
  };
  if (auto fits = per_sample(message.labels_size(), "labels"); !fits) return fits;
  if (auto fits = per_sample(message.weights_size(), "weights"); !fits) return fits;
  for (int s = 0; s < message.labels_size(); ++s) {
    const float label = message.labels(s);
    if (fields::label_of_number(static_cast<double>(label))) continue;
    return corrupt(
        fmt::format("labels[{}]: {}", s, fields::label_refusal(fmt::format("{}", label))));
  }
  for (int s = 0; s < message.weights_size(); ++s) {
    const float weight = message.weights(s);
    if (fields::weight_of_number(static_cast<double>(weight))) continue;
    return corrupt(
        fmt::format("weights[{}]: {}", s, fields::weight_refusal(fmt::format("{}", weight))));
  }
  return {};
}

Result<DecodeNotes> AccessBatchDecoder::decode_json(ByteView payload, EventBatch& into,
                                                    const OnBadRecord& on_bad) {
  JsonEventDecoder& json = state_->json;
  json.begin(into);
  // Nearly every message is one object, whose end need not be looked for.
  if (payload.front() == std::byte{'{'} && json.append(as_text(payload), into)) {
    json.finish(into);
    return DecodeNotes{.unknown_features = json.unknown_features()};
  }
  std::size_t records = 0;
  const auto tell = [&](const JsonRecord& record, std::string_view reason) {
    on_bad({.record = record.text,
            .line = record.line,
            .reason = fmt::format("{}: {}", place_of(record), reason)});
  };
  // The first one, if it is bad: an error unless others follow.
  std::optional<JsonRecord> first;
  std::string text;
  std::string reason;
  for_each_json_record(as_text(payload), [&](const JsonRecord& record) {
    if (++records == 2 && first) tell(*std::exchange(first, std::nullopt), reason);
    if (json.append(record.text, into)) return;
    if (records > 1) return tell(record, json.reason());
    text = record.text;
    reason = json.reason();
    first = JsonRecord{.text = text, .line = record.line, .element = record.element};
  });
  json.finish(into);
  if (records == 0) return corrupt("a message of nothing but blanks");
  if (first) return corrupt(std::move(reason));
  return DecodeNotes{.unknown_features = json.unknown_features()};
}

Result<DecodeNotes> AccessBatchDecoder::decode(ByteView payload, EventBatch& into,
                                               const OnBadRecord& on_bad) {
  if (!begins_like_json(as_text(payload))) return decode_protobuf(payload, into);
  // A line feed is how the first key of an AccessBatch begins, too, and a quote its labels.
  if (payload.front() == std::byte{'\n'} || payload.front() == std::byte{'"'}) {
    if (auto notes = decode_protobuf(payload, into)) return notes;
  }
  return decode_json(payload, into, on_bad);
}

std::string encode_protobuf(const EventBatch& batch, const FeatureSchema& schema,
                            std::string_view producer) {
  REMAPD_CHECK(batch.features() == schema.size(), "a batch is of its schema");
  v1::AccessBatch message;
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    message.add_keys(schema.feature(FeatureIndex{f}).name);
    const auto lengths = batch.lengths(FeatureIndex{f});
    const auto values = batch.values(FeatureIndex{f});
    message.mutable_lengths()->Add(lengths.begin(), lengths.end());
    message.mutable_values()->Add(values.begin(), values.end());
  }
  message.mutable_labels()->Add(batch.labels().begin(), batch.labels().end());
  message.mutable_weights()->Add(batch.weights().begin(), batch.weights().end());
  message.set_event_time_ms(batch.event_time_ms);
  message.set_producer(std::string(producer));
  message.set_schema_version(kSchemaVersion);
  return message.SerializeAsString();
}

std::string encode_ndjson(const EventBatch& batch, const FeatureSchema& schema) {
  REMAPD_CHECK(batch.features() == schema.size(), "a batch is of its schema");
  std::vector<std::string> names;
  for (const pipeline::Feature& feature : schema.features()) {
    names.push_back(json(feature.name).dump(-1, ' ', false, json::error_handler_t::replace) + ":[");
  }
  std::vector<std::size_t> at(schema.size(), 0);
  std::string out;
  auto end = std::back_inserter(out);
  for (std::size_t s = 0; s < batch.samples(); ++s) {
    out += '{';
    if (batch.event_time_ms != 0) fmt::format_to(end, "\"t\":{},", batch.event_time_ms);
    // JSON has no NaN and no infinity: such a label is no label.
    if (!batch.labels().empty() && std::isfinite(batch.labels()[s])) {
      fmt::format_to(end, "\"label\":{},", batch.labels()[s]);
    }
    if (!batch.weights().empty() && std::isfinite(batch.weights()[s])) {
      fmt::format_to(end, "\"w\":{},", batch.weights()[s]);
    }
    out += "\"f\":{";
    for (std::uint32_t f = 0; f < schema.size(); ++f) {
      if (f > 0) out += ',';
      out += names[f];
      for (std::uint32_t i = 0, n = batch.lengths(FeatureIndex{f})[s]; i < n; ++i) {
        if (i > 0) out += ',';
        fmt::format_to(end, "{}", batch.values(FeatureIndex{f})[at[f]++]);
      }
      out += ']';
    }
    out += "}}\n";
  }
  return out;
}

}  // namespace remapd::proto
