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
#include <nlohmann/json.hpp>

#include "connectors/proto/access.pb.h"
#include "core/base/check.h"
#include "core/base/hash.h"

namespace remapd::proto {
namespace {

using nlohmann::json;
using pipeline::EventBatch;
using pipeline::FeatureSchema;

constexpr std::uint32_t kSchemaVersion = 1;
constexpr float kNoLabel = std::numeric_limits<float>::quiet_NaN();

tl::unexpected<Error> corrupt(std::string message) {
  return fail(ErrorCode::kCorrupt, std::move(message));
}

// One sample of the NDJSON form, before it is known to be good as a whole.
struct Line {
  std::int64_t time_ms = 0;
  std::optional<float> label;
  std::optional<float> weight;
};

}  // namespace

struct AccessBatchDecoder::State {
  explicit State(const FeatureSchema& schema_in) : schema(schema_in) {}

  FeatureSchema schema;
  v1::AccessBatch message;  // kept for its buffers
  // A bad message is reported by its Error; protobuf would also write each to stderr.
  google::protobuf::LogSilencer quiet;

  Result<DecodeNotes> decode_message(EventBatch& into);
  Result<Line> decode_line(std::string_view text, EventBatch& into, DecodeNotes& notes);
  static Result<Id> id_of(const json& value, std::string_view feature);
};

AccessBatchDecoder::AccessBatchDecoder(const FeatureSchema& schema)
    : state_(std::make_unique<State>(schema)) {}
AccessBatchDecoder::~AccessBatchDecoder() = default;
AccessBatchDecoder::AccessBatchDecoder(AccessBatchDecoder&&) noexcept = default;
AccessBatchDecoder& AccessBatchDecoder::operator=(AccessBatchDecoder&&) noexcept = default;

Result<DecodeNotes> AccessBatchDecoder::decode_protobuf(ByteView payload, EventBatch& into) {
  into.reset(state_->schema.size());
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (payload.size() > kMost ||
      !state_->message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return corrupt(fmt::format("{} bytes that are no AccessBatch message", payload.size()));
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
  const auto per_sample = [&](int entries, std::string_view what) -> Result<void> {
    if (entries == 0 || static_cast<std::size_t>(entries) == samples) return {};
    return corrupt(fmt::format("{} {} for {} samples", entries, what, samples));
  };
  if (auto fits = per_sample(message.labels_size(), "labels"); !fits) return fail(fits.error());
  if (auto fits = per_sample(message.weights_size(), "weights"); !fits) return fail(fits.error());
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
  into.event_time_ms = message.event_time_ms();
  into.seal(samples);
  return notes;
}

Result<Id> AccessBatchDecoder::State::id_of(const json& value, std::string_view feature) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_string()) return hash_text(value.get_ref<const std::string&>());
  // dump() recurses: a list nested deeply enough would overflow the stack.
  const std::string found =
      value.is_structured()
          ? fmt::format("an {}", value.type_name())
          : value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 64);
  return corrupt(
      fmt::format("f.{}: an id is an unsigned 64-bit integer or a string, not {}", feature, found));
}

// Appends the sample's ids to `into`; a failed line leaves some of them there.
Result<Line> AccessBatchDecoder::State::decode_line(std::string_view text, EventBatch& into,
                                                    DecodeNotes& notes) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return corrupt("it is not a JSON object");
  Line line;
  if (const auto t = object.find("t"); t != object.end()) {
    constexpr std::uint64_t kLatest = std::numeric_limits<std::int64_t>::max();
    if (!t->is_number_integer() || (t->is_number_unsigned() && t->get<std::uint64_t>() > kLatest)) {
      return corrupt("t is not an integer of 64 bits");
    }
    line.time_ms = t->get<std::int64_t>();
  }
  const auto number = [&](const char* name, std::optional<float>& out) -> Result<void> {
    const auto at = object.find(name);
    if (at == object.end() || at->is_null()) return {};
    if (!at->is_number()) return corrupt(fmt::format("{} is not a number", name));
    out = at->get<float>();
    return {};
  };
  if (auto read = number("label", line.label); !read) return fail(read.error());
  if (auto read = number("w", line.weight); !read) return fail(read.error());
  const auto features = object.find("f");
  if (features == object.end() || !features->is_object()) {
    return corrupt("f, the object of features, is missing");
  }
  std::vector<bool> given(schema.size(), false);
  for (const auto& [name, ids] : features->items()) {
    const auto feature = schema.find(name);
    if (!feature) {
      ++notes.unknown_features;
      continue;
    }
    auto& values = into.mutable_values(*feature);
    const std::size_t before = values.size();
    if (ids.is_array()) {
      for (const json& entry : ids) {
        const auto id = id_of(entry, name);
        if (!id) return fail(id.error());
        values.push_back(*id);
      }
    } else if (!ids.is_null()) {
      const auto id = id_of(ids, name);
      if (!id) return fail(id.error());
      values.push_back(*id);
    }
    into.mutable_lengths(*feature).push_back(static_cast<std::uint32_t>(values.size() - before));
    given[feature->value] = true;
  }
  for (std::uint32_t f = 0; f < schema.size(); ++f) {
    if (!given[f]) into.mutable_lengths(FeatureIndex{f}).push_back(0);
  }
  return line;
}

Result<DecodeNotes> AccessBatchDecoder::decode_ndjson(ByteView payload, EventBatch& into) {
  into.reset(state_->schema.size());
  DecodeNotes notes;
  std::size_t samples = 0;
  bool labelled = false;
  bool weighted = false;
  std::string_view rest = as_text(payload);
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto line = state_->decode_line(text, into, notes);
    if (!line) {
      into.reset(state_->schema.size());
      return fail(Error(line.error()).with_context(fmt::format("line {}", number)));
    }
    into.mutable_labels().push_back(line->label.value_or(kNoLabel));
    into.mutable_weights().push_back(line->weight.value_or(1.0F));
    labelled = labelled || line->label.has_value();
    weighted = weighted || line->weight.has_value();
    into.event_time_ms = std::max(into.event_time_ms, line->time_ms);
    ++samples;
  }
  if (!labelled) into.mutable_labels().clear();
  if (!weighted) into.mutable_weights().clear();
  into.seal(samples);
  return notes;
}

Result<DecodeNotes> AccessBatchDecoder::decode(ByteView payload, EventBatch& into) {
  const bool json_text = !payload.empty() && payload.front() == std::byte{'{'};
  return json_text ? decode_ndjson(payload, into) : decode_protobuf(payload, into);
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
